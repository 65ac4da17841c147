package import LinearAlgebra
import Storage

/// What the weights of a base model take in memory, told from the headers of its files.
package struct WeightMemory: Sendable, Hashable {
    /// The bytes of all weights as they are kept, scales included.
    package let kept: Int
    /// The bytes of the largest as 32-bit floats, which it is while it is read.
    package let largest: Int
    /// How the embedding is kept, by which passes are measured out.
    package let storage: WeightStorage

    /// All together.
    package var total: Int { kept + largest }

    /// Of a model of `shape` whose matrices are all kept as `storage`.
    package init(shape: ModelConfiguration, storage: WeightStorage) {
        // A scale a row, or block, is of about the size that it has for rows as long as the hidden state.
        let rows = shape.parameterCount / shape.hiddenSize
        kept =
            storage.bytes(of: shape.parameterCount) + storage.scaleBytes(rows: rows, columns: shape.hiddenSize)
        largest = Self.largest(shape)
        self.storage = storage
    }

    /// Of `weights` as their files have them.
    init(shape: ModelConfiguration, weights: some CheckpointWeights) {
        kept = weights.tensorNames.reduce(0) { sum, name in
            let (own, shape) = (weights.ownStorage(of: name), weights.shape(of: name) ?? [])
            let columns = max(1, shape.last ?? 1)
            let count = shape.reduce(1, *)
            return sum + own.bytes(of: count) + own.scaleBytes(rows: count / columns, columns: columns)
        }
        largest = Self.largest(shape)
        storage = weights.ownStorage(of: "model.embed_tokens.weight")
    }

    private static func largest(_ shape: ModelConfiguration) -> Int {
        4 * max(shape.vocabularySize, shape.intermediateSize) * shape.hiddenSize
    }
}

extension BaseModel {
    /// The shape of a model in a folder or a GGUF file, and what its weights take in memory if they are kept as `storage`,
    /// or as the files have them. Reads no weights. Throws `ModelError`, or the errors of reading the files.
    package static func weightMemory(
        directory: String, storage: WeightStorage?
    ) throws -> (shape: ModelConfiguration, weights: WeightMemory) {
        if GGUFFile.isNamed(directory) {
            let checkpoint = try GGUFCheckpoint(path: directory)
            let weights = checkpoint.weights
            var shape = try ModelConfiguration(json: try checkpoint.configuration(), file: directory)
            shape.hasQKVBias = weights.contains("model.layers.0.self_attn.q_proj.bias")
            return (
                shape,
                storage.map { WeightMemory(shape: shape, storage: $0) } ?? WeightMemory(shape: shape, weights: weights)
            )
        }
        let shape = try ModelConfiguration.read(directory: directory)
        if let storage { return (shape, WeightMemory(shape: shape, storage: storage)) }
        return (shape, WeightMemory(shape: shape, weights: try WeightsDirectory(path: directory)))
    }
}
