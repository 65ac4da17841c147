package import Adapters
internal import LinearAlgebra

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
