import Adapters
import Basics
import LinearAlgebra
import Storage

/// The frozen weights of a decoder.
struct ModelWeights: Sendable {
    /// The embedding, [vocabulary, hidden].
    let embedding: FrozenMatrix
    /// The decoder layers, the first to be computed first.
    let layers: [LayerWeights]
    /// The weights of the norm after the last layer, [1, hidden].
    let finalNorm: FrozenMatrix
    /// The output head, [vocabulary, hidden]; the embedding itself where the model ties them.
    let head: FrozenMatrix
}

/// The frozen weights of one decoder layer. Projections that read the same input are one matrix, so that each pair of
/// directions is one product.
struct LayerWeights: Sendable {
    /// The weights of the norm before attention, [1, hidden].
    let attentionNorm: FrozenMatrix
    /// The q, k and v projections one below the other, [q + 2 kv, hidden].
    let queryKeyValue: FrozenMatrix
    /// Their biases in the same order, [1, q + 2 kv], where the model has any.
    let queryKeyValueBias: FrozenMatrix?
    /// The weights of the norm of each query head, [1, head width], where the model has one, and of each key head.
    let queryNorm: FrozenMatrix?
    let keyNorm: FrozenMatrix?
    /// The o projection, [hidden, q].
    let output: FrozenMatrix
    /// The weights of the norm before the SwiGLU block, [1, hidden].
    let feedForwardNorm: FrozenMatrix
    /// The gate and up projections one below the other, [2 intermediate, hidden].
    let gateUp: FrozenMatrix
    /// The down projection, [hidden, intermediate].
    let down: FrozenMatrix
}

extension ModelWeights {
    /// Reads the weights of `shape` from a checkpoint by their Hugging Face names; `file` names its `config.json`.
    ///
    /// `storage` says how the matrices are kept; nil means as the file has them: bfloat16, blocks, or else 32-bit floats.
    /// Throws `ModelError`, or the errors of reading safetensors.
    static func read(
        _ weights: some CheckpointWeights, shape: ModelConfiguration, storage: WeightStorage?, file: String
    ) throws -> ModelWeights {
        let source = WeightSource(weights: weights, storage: storage)
        try source.refuseUnknownWeights(shape, file: file)
        let hidden = shape.hiddenSize
        let embedding = try source.matrix([("model.embed_tokens.weight", shape.vocabularySize)], columns: hidden)
        if !shape.tiesEmbeddings && !weights.contains("lm_head.weight") {
            throw ModelError.invalidWeight(
                path: weights.path, name: "lm_head.weight", reason: "is missing, and the head is not tied")
        }
        let head =
            shape.tiesEmbeddings
            ? embedding
            : try source.matrix([("lm_head.weight", shape.vocabularySize)], columns: hidden)
        return ModelWeights(
            embedding: embedding, layers: try (0..<shape.layerCount).map { try source.layer($0, shape) },
            finalNorm: FrozenMatrix(row: try source.values("model.norm.weight", [hidden])), head: head)
    }

    /// Random weights of `shape`: near normal with the given deviation (twice that for the embedding and the head),
    /// norms near one.
    static func random(
        shape: ModelConfiguration, seed: UInt64, deviation: Double, storage: WeightStorage
    ) -> ModelWeights {
        var generator = SeededGenerator(seed: seed, label: "random base model")
        func values(_ count: Int, mean: Double = 0, deviation: Double) -> [Float] {
            nearNormal(count, mean: Float(mean), deviation: Float(deviation), using: &generator)
        }
        func weight(_ rows: Int, _ columns: Int, deviation: Double) -> FrozenMatrix {
            FrozenMatrix(columns: columns, parts: [values(rows * columns, deviation: deviation)], storage: storage)
        }
        func norm(_ count: Int) -> FrozenMatrix { FrozenMatrix(row: values(count, mean: 1, deviation: 0.1)) }
        let hidden = shape.hiddenSize
        // The order of drawing is part of the result: a seed's model must stay what it was.
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
        return ModelWeights(embedding: embedding, layers: layers, finalNorm: finalNorm, head: head)
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

/// The weights of a Llama-family checkpoint by their Hugging Face names, their shapes checked.
private struct WeightSource {
    let weights: any CheckpointWeights
    /// How weights are kept; nil for as the file has them.
    let storage: WeightStorage?

    /// The values of a weight that must have this shape and be finite.
    func values(_ name: String, _ shape: [Int]) throws -> [Float] {
        try check(name, shape)
        return try weights.finiteFloats(named: name)
    }

    /// Refuses a weight that is missing or of another shape.
    private func check(_ name: String, _ shape: [Int]) throws(ModelError) {
        guard let found = weights.shape(of: name) else {
            throw ModelError.invalidWeight(path: weights.path, name: name, reason: "is missing")
        }
        guard found == shape else {
            throw ModelError.invalidWeight(
                path: weights.path, name: name, reason: "has shape \(found) where config.json says \(shape)")
        }
    }

    /// The rows of several weights one below the other, read one after another; each has `columns` columns.
    func matrix(_ parts: [(name: String, rows: Int)], columns: Int) throws -> FrozenMatrix {
        // What a configuration claims is not believed before the file has it: a matrix is memory.
        for part in parts { try check(part.name, [part.rows, columns]) }
        let storages = storages(of: parts, columns: columns)
        return try FrozenMatrix(
            columns: columns, layout: zip(parts, storages).map { ($0.rows, $1) },
            makingParts: zip(parts, storages).map { part, storage in
                { try weights.part(named: part.name, storage: storage) }
            })
    }

    /// How the parts of a matrix are kept: alike, unless they are blocks of different kinds that a matrix can hold side by
    /// side.
    private func storages(of parts: [(name: String, rows: Int)], columns: Int) -> [WeightStorage] {
        if let storage { return parts.map { _ in storage } }
        let own = parts.map { weights.ownStorage(of: $0.name) }
        if Set(own).count == 1 && columns.isMultiple(of: own[0].blockLength) { return own }
        let isAligned = parts.allSatisfy { $0.rows.isMultiple(of: FrozenMatrix.segmentRows) }
        return isAligned && own.allSatisfy { columns.isMultiple(of: $0.blockLength) } ? own : own.map { _ in .float32 }
    }

    /// The weights of layer `index`.
    func layer(_ index: Int, _ shape: ModelConfiguration) throws -> LayerWeights {
        let hidden = shape.hiddenSize
        func matrix(_ targets: [LoRAConfiguration.Target]) throws -> FrozenMatrix {
            try self.matrix(
                targets.map { target in
                    (
                        "model.layers.\(index).\(target.block).\(target.rawValue).weight",
                        shape.outputSize(of: target)
                    )
                }, columns: shape.inputSize(of: targets[0]))
        }
        func headNorm(_ name: String) throws -> FrozenMatrix? {
            guard shape.hasQueryKeyNorm else { return nil }
            return FrozenMatrix(row: try values("model.layers.\(index).self_attn.\(name).weight", [shape.headSize]))
        }
        func bias(_ target: LoRAConfiguration.Target) throws -> [Float] {
            try values(
                "model.layers.\(index).\(target.block).\(target.rawValue).bias", [shape.outputSize(of: target)])
        }
        return LayerWeights(
            attentionNorm: FrozenMatrix(
                row: try values("model.layers.\(index).input_layernorm.weight", [hidden])),
            queryKeyValue: try matrix(shape.fusesProjections ? [.queryKeyValue] : [.query, .key, .value]),
            queryKeyValueBias: shape.hasQKVBias
                ? FrozenMatrix(row: try bias(.query) + bias(.key) + bias(.value)) : nil,
            queryNorm: try headNorm("q_norm"), keyNorm: try headNorm("k_norm"),
            output: try matrix([.output]),
            feedForwardNorm: FrozenMatrix(
                row: try values("model.layers.\(index).post_attention_layernorm.weight", [hidden])),
            gateUp: try matrix(shape.fusesProjections ? [.gateUp] : [.gate, .up]),
            down: try matrix([.down]))
    }

    /// A weight of a layer that this engine would leave out would make every result wrong.
    func refuseUnknownWeights(_ shape: ModelConfiguration, file: String) throws(ModelError) {
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
}
