/// The shape of a Llama-family decoder, as `config.json` gives it.
package struct ModelConfiguration: Sendable, Hashable {
    /// The number of tokens of the vocabulary, V.
    package var vocabularySize: Int
    /// The width of the residual stream.
    package var hiddenSize: Int
    /// The width inside the SwiGLU block.
    package var intermediateSize: Int
    /// The number of decoder layers.
    package var layerCount: Int
    /// The number of query heads.
    package var headCount: Int
    /// The number of key and value heads; divides `headCount`.
    package var keyValueHeadCount: Int
    /// The width of a head.
    package var headSize: Int
    /// The epsilon of RMSNorm.
    package var normEpsilon: Double
    /// The base of the rotary position embedding.
    package var ropeBase: Double
    /// Whether the output head is the embedding.
    package var tiesEmbeddings: Bool
    /// Whether the q, k and v projections have a bias, as in Qwen2.
    package var hasQKVBias: Bool

    package init(
        vocabularySize: Int, hiddenSize: Int, intermediateSize: Int, layerCount: Int, headCount: Int,
        keyValueHeadCount: Int, headSize: Int? = nil, normEpsilon: Double = 1e-5, ropeBase: Double = 10_000,
        tiesEmbeddings: Bool = false, hasQKVBias: Bool = false
    ) {
        self.vocabularySize = vocabularySize
        self.hiddenSize = hiddenSize
        self.intermediateSize = intermediateSize
        self.layerCount = layerCount
        self.headCount = headCount
        self.keyValueHeadCount = keyValueHeadCount
        self.headSize = headSize ?? hiddenSize / headCount
        self.normEpsilon = normEpsilon
        self.ropeBase = ropeBase
        self.tiesEmbeddings = tiesEmbeddings
        self.hasQKVBias = hasQKVBias
    }
}
