package import Adapters
package import LinearAlgebra
package import Storage

/// A Llama-family decoder with frozen weights, shared by all peers of a process.
package final class BaseModel: Sendable {
    /// The model's shape.
    package let configuration: ModelConfiguration
    /// The folder it was loaded from; nil for a random model.
    package let path: String?
    /// The ids that end a sequence, as `generation_config.json` lists them, or `config.json` where that does not; may be
    /// empty.
    package let endOfSequence: [Int32]
    /// What somebody who uses the model should know of how it was read, a sentence each.
    package let notes: [String]

    let weights: ModelWeights
    /// The states of this model's engines that wait.
    let pool = EnginePool()

    private init(
        configuration: ModelConfiguration, path: String?, endOfSequence: [Int32], notes: [String] = [],
        weights: ModelWeights
    ) {
        self.configuration = configuration
        self.path = path
        self.endOfSequence = endOfSequence
        self.notes = notes
        self.weights = weights
    }

    /// Loads a Hugging Face folder, `config.json` and safetensors weights, or a GGUF file.
    ///
    /// `storage` says how the matrices are kept; nil means as the file has them: bfloat16, blocks, or else 32-bit floats.
    /// Throws `ModelError`, or the errors of reading JSON and safetensors. A model whose weights are more than `memory` has
    /// is refused before any is read.
    package static func load(
        directory: String, storage: WeightStorage? = nil, memory: MemoryBudget = .ofThisProcess()
    ) throws -> BaseModel {
        if GGUFFile.isNamed(directory) {
            let checkpoint = try GGUFCheckpoint(path: directory)
            return try load(
                json: try checkpoint.configuration(), file: directory, reading: checkpoint.weights, storage: storage,
                memory: memory)
        }
        let (json, file) = try ModelConfiguration.document(directory: directory)
        // What the architecture is comes before which files there are: that is what a user has to know first.
        _ = try ModelConfiguration(json: json, file: file)
        return try load(
            json: json, file: file, reading: try WeightsDirectory(path: directory),
            generation: try ModelConfiguration.generationDocument(directory: directory), storage: storage,
            memory: memory)
    }

    /// The model that `json`, the content of `file`, describes, with its weights.
    package static func load(
        json: JSONValue, file: String, weights: WeightsDirectory, storage: WeightStorage? = nil
    ) throws -> BaseModel {
        try load(json: json, file: file, reading: weights, storage: storage)
    }

    private static func load(
        json: JSONValue, file: String, reading weights: some CheckpointWeights, generation: JSONValue? = nil,
        storage: WeightStorage?, memory: MemoryBudget? = nil
    ) throws -> BaseModel {
        var configuration = try ModelConfiguration(json: json, file: file)
        // config.json at most implies whether there are biases; the weights that are there decide.
        configuration.hasQKVBias = weights.contains("model.layers.0.self_attn.q_proj.bias")
        var notes: [String] = []
        if configuration.tiesEmbeddings, try weights.hasHeadOfItsOwn() {
            configuration.tiesEmbeddings = false
            notes.append(
                "\(file) says tie_word_embeddings, but lm_head.weight is there with other values than the embedding: they "
                    + "are not tied, as in transformers 5")
        }
        if let memory { try refuseTooLarge(configuration, weights, storage: storage, memory: memory) }
        let ends = generation.map(endOfSequence(in:)).flatMap { $0.isEmpty ? nil : $0 } ?? endOfSequence(in: json)
        return BaseModel(
            configuration: configuration, path: weights.path, endOfSequence: ends, notes: notes,
            weights: try .read(weights, shape: configuration, storage: storage, file: file))
    }

    /// Refuses weights that do not fit into memory: all as they are kept, and the largest as it is read.
    private static func refuseTooLarge(
        _ configuration: ModelConfiguration, _ weights: some CheckpointWeights, storage: WeightStorage?,
        memory: MemoryBudget
    ) throws(ModelError) {
        guard let available = memory.available else { return }
        func need(_ storage: WeightStorage?) -> Int {
            let memory =
                storage.map { WeightMemory(shape: configuration, storage: $0) }
                ?? WeightMemory(shape: configuration, weights: weights)
            return memory.total
        }
        guard need(storage) > available else { return }
        func megabytes(_ bytes: Int) -> String { "\((bytes + 999_999) / 1_000_000) MB" }
        let smaller = need(.int8) < need(storage) ? " (\(megabytes(need(.int8))) with --weights int8)" : ""
        let own = weights.ownStorage(of: "model.embed_tokens.weight")
        let kept = storage?.rawValue ?? (own.isBlocks ? "the file's blocks" : own.rawValue)
        throw .tooLarge(
            path: weights.path,
            need: "its weights need \(megabytes(need(storage))) of memory in \(kept)\(smaller)",
            available: "\(memory.bound) leaves \(megabytes(available))")
    }

    /// `eos_token_id`: a number, a list of numbers, or null.
    private static func endOfSequence(in json: JSONValue) -> [Int32] {
        guard let value = json["eos_token_id"] else { return [] }
        return (value.array ?? [value]).compactMap { $0.int.flatMap(Int32.init(exactly:)) }.filter { $0 >= 0 }
    }

    /// A model with random weights, for tests and measurements: near normal with the given deviation (twice that for the
    /// embedding and the head), norms near one. It predicts nothing.
    package convenience init(
        configuration: ModelConfiguration, randomSeed: UInt64, deviation: Double = 0.08,
        storage: WeightStorage = .float32
    ) {
        self.init(
            configuration: configuration, path: nil, endOfSequence: [],
            weights: .random(shape: configuration, seed: randomSeed, deviation: deviation, storage: storage))
    }

    /// The projections that can carry an adapter.
    package var projections: [LoRAProjection] { configuration.projections }

    /// The schema of this model's adapters of the given configuration.
    package func adapterSchema(_ lora: LoRAConfiguration) -> AdapterSchema {
        .lora(configuration: lora, projections: projections)
    }

    /// The number of parameters, tied weights counted once.
    package var parameterCount: Int { configuration.parameterCount }
}
