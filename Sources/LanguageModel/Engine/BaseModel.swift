package import Adapters
import Basics
package import LinearAlgebra
package import Storage

/// A Llama-family decoder with frozen weights, shared by all peers of a process.
package final class BaseModel: Sendable {
    /// The model's shape.
    package let configuration: ModelConfiguration
    /// The folder it was loaded from; nil for a random model.
    package let path: String?
    /// The ids that end a sequence, as `config.json` lists them; may be empty.
    package let endOfSequence: [Int32]

    let embedding: FrozenMatrix
    let layers: [LayerWeights]
    let finalNorm: FrozenMatrix
    /// The output head; the embedding itself where the model ties them.
    let head: FrozenMatrix
    /// The states of this model's engines that wait.
    let pool = EnginePool()

    init(
        configuration: ModelConfiguration, path: String?, endOfSequence: [Int32], embedding: FrozenMatrix,
        layers: [LayerWeights], finalNorm: FrozenMatrix, head: FrozenMatrix
    ) {
        self.configuration = configuration
        self.path = path
        self.endOfSequence = endOfSequence
        self.embedding = embedding
        self.layers = layers
        self.finalNorm = finalNorm
        self.head = head
    }

    /// The projections that can carry an adapter.
    package var projections: [LoRAProjection] { configuration.projections }

    /// The schema of this model's adapters of the given configuration.
    package func adapterSchema(_ lora: LoRAConfiguration) -> AdapterSchema {
        .lora(configuration: lora, projections: projections)
    }

    /// The number of parameters, tied weights counted once.
    package var parameterCount: Int {
        let shape = configuration
        let attention = shape.hiddenSize * (2 * shape.queryWidth + 2 * shape.keyValueWidth)
        let bias = shape.hasQKVBias ? shape.queryKeyValueWidth : 0
        let norms = shape.hasQueryKeyNorm ? 2 * shape.headSize : 0
        let layer = attention + bias + norms + 3 * shape.hiddenSize * shape.intermediateSize + 2 * shape.hiddenSize
        let tables = (shape.tiesEmbeddings ? 1 : 2) * shape.vocabularySize * shape.hiddenSize
        return shape.layerCount * layer + tables + shape.hiddenSize
    }
}

extension BaseModel {
    /// Loads a Hugging Face folder: `config.json` and safetensors weights.
    ///
    /// `storage` says how the matrices are kept; nil means bfloat16 where the file has that, else 32-bit floats.
    /// Throws `ModelError`, or the errors of reading JSON and safetensors.
    package static func load(directory: String, storage: WeightStorage? = nil) throws -> BaseModel {
        let (json, file) = try ModelConfiguration.document(directory: directory)
        // What the architecture is comes before which files there are: that is what a user has to know first.
        _ = try ModelConfiguration(json: json, file: file)
        return try load(json: json, file: file, weights: try WeightsDirectory(path: directory), storage: storage)
    }

    /// The model that `json`, the content of `file`, describes, with its weights.
    package static func load(
        json: JSONValue, file: String, weights: WeightsDirectory, storage: WeightStorage? = nil
    ) throws -> BaseModel {
        var configuration = try ModelConfiguration(json: json, file: file)
        configuration.hasQKVBias = weights.contains("model.layers.0.self_attn.q_proj.bias")
        let source = WeightSource(weights: weights, storage: storage)
        try refuseUnknownWeights(weights, configuration, file: file)
        let hidden = configuration.hiddenSize
        let vocabulary = configuration.vocabularySize
        let embedding = try source.matrix([("model.embed_tokens.weight", vocabulary)], columns: hidden)
        let hasHead = weights.contains("lm_head.weight")
        if !configuration.tiesEmbeddings && !hasHead {
            throw ModelError.invalidWeight(
                path: weights.path, name: "lm_head.weight", reason: "is missing, and the head is not tied")
        }
        let head =
            configuration.tiesEmbeddings
            ? embedding
            : try source.matrix([("lm_head.weight", vocabulary)], columns: hidden)
        let layers = try (0..<configuration.layerCount).map { try source.layer($0, configuration) }
        return BaseModel(
            configuration: configuration, path: weights.path, endOfSequence: endOfSequence(in: json),
            embedding: embedding, layers: layers,
            finalNorm: FrozenMatrix(row: try source.values("model.norm.weight", [hidden])), head: head)
    }

    /// A weight of a layer that this engine would leave out would make every result wrong.
    private static func refuseUnknownWeights(
        _ weights: WeightsDirectory, _ shape: ModelConfiguration, file: String
    ) throws(ModelError) {
        var known: Set<String> = ["input_layernorm.weight", "post_attention_layernorm.weight"]
        for target in shape.linearTargets { known.insert("\(target.block).\(target.rawValue).weight") }
        if shape.hasQKVBias { known.formUnion(["q_proj", "k_proj", "v_proj"].map { "self_attn.\($0).bias" }) }
        if shape.hasQueryKeyNorm { known.formUnion(["self_attn.q_norm.weight", "self_attn.k_norm.weight"]) }
        // Old checkpoints carry the frequencies, which follow from the configuration.
        known.insert("self_attn.rotary_emb.inv_freq")
        for name in weights.tensorNames where name.hasPrefix("model.layers.") {
            let parts = name.split(separator: ".", maxSplits: 3, omittingEmptySubsequences: false)
            if parts.count == 4, let layer = Int(parts[2]), (0..<shape.layerCount).contains(layer),
                known.contains(String(parts[3]))
            {
                continue
            }
            throw .unsupported(
                file: file, feature: "the weight \(name.prefix(200))",
                supported: known.sorted().joined(separator: ", ") + " of layers 0 to \(shape.layerCount - 1)")
        }
    }

    /// `eos_token_id`: a number, a list of numbers, or null.
    private static func endOfSequence(in json: JSONValue) -> [Int32] {
        guard let value = json["eos_token_id"] else { return [] }
        return (value.array ?? [value]).compactMap { $0.int.flatMap(Int32.init(exactly:)) }
    }
}

extension BaseModel {
    /// A model with random weights, for tests and measurements: near normal with the given deviation (twice that for the
    /// embedding and the head), norms near one. It predicts nothing.
    package convenience init(
        configuration: ModelConfiguration, randomSeed: UInt64, deviation: Double = 0.08,
        storage: WeightStorage = .float32
    ) {
        var generator = SeededGenerator(seed: randomSeed, label: "random base model")
        func values(_ count: Int, mean: Double = 0, deviation: Double) -> [Float] {
            Self.nearNormal(count, mean: Float(mean), deviation: Float(deviation), using: &generator)
        }
        func weight(_ rows: Int, _ columns: Int, deviation: Double) -> FrozenMatrix {
            FrozenMatrix(columns: columns, parts: [values(rows * columns, deviation: deviation)], storage: storage)
        }
        func norm(_ count: Int) -> FrozenMatrix { FrozenMatrix(row: values(count, mean: 1, deviation: 0.1)) }
        let shape = configuration
        let hidden = shape.hiddenSize
        let embedding = weight(shape.vocabularySize, hidden, deviation: 2 * deviation)
        let layers = (0..<shape.layerCount).map { _ in
            LayerWeights(
                attentionNorm: norm(hidden),
                queryKeyValue: weight(shape.queryKeyValueWidth, hidden, deviation: deviation),
                queryKeyValueBias: shape.hasQKVBias
                    ? FrozenMatrix(row: values(shape.queryKeyValueWidth, deviation: deviation)) : nil,
                queryNorm: shape.hasQueryKeyNorm ? norm(shape.headSize) : nil,
                keyNorm: shape.hasQueryKeyNorm ? norm(shape.headSize) : nil,
                output: weight(hidden, shape.queryWidth, deviation: deviation), feedForwardNorm: norm(hidden),
                gateUp: weight(2 * shape.intermediateSize, hidden, deviation: deviation),
                down: weight(hidden, shape.intermediateSize, deviation: deviation))
        }
        let finalNorm = norm(hidden)
        let head = shape.tiesEmbeddings ? embedding : weight(shape.vocabularySize, hidden, deviation: 2 * deviation)
        self.init(
            configuration: shape, path: nil, endOfSequence: [], embedding: embedding, layers: layers,
            finalNorm: finalNorm, head: head)
    }

    /// Sums of four uniform values, which is near enough to a normal distribution and quick.
    private static func nearNormal(
        _ count: Int, mean: Float, deviation: Float, using generator: inout SeededGenerator
    ) -> [Float] {
        // Four uniform values below 65,536 sum to 131,070 on average, with a deviation of 65,536 / sqrt(3).
        let scale = deviation * Float(3.0.squareRoot() / 65_536)
        return (0..<count).map { _ in
            let bits = generator.next()
            let sum = (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48)
            return mean + scale * (Float(sum) - 131_070)
        }
    }
}
