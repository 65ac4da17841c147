import LanguageModel

/// The models that are measured: real shapes, random weights.
enum BenchShape: String {
    /// SmolLM-135M.
    case smollm135
    /// A small model for many peers.
    case small
    /// TinyLlama-1.1B.
    case tinyllama

    /// The shape; `vocabulary` replaces that of the model.
    func configuration(vocabulary: Int? = nil) -> ModelConfiguration {
        switch self {
        case .smollm135:
            ModelConfiguration(
                vocabularySize: vocabulary ?? 49152, hiddenSize: 576, intermediateSize: 1536, layerCount: 30,
                headCount: 9, keyValueHeadCount: 3, tiesEmbeddings: true)
        case .small:
            ModelConfiguration(
                vocabularySize: vocabulary ?? 4096, hiddenSize: 256, intermediateSize: 688, layerCount: 6,
                headCount: 8, keyValueHeadCount: 8, tiesEmbeddings: true)
        case .tinyllama:
            ModelConfiguration(
                vocabularySize: vocabulary ?? 32000, hiddenSize: 2048, intermediateSize: 5632, layerCount: 22,
                headCount: 32, keyValueHeadCount: 4, tiesEmbeddings: false)
        }
    }
}
