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
    /// How its frequencies are changed for long contexts.
    package var ropeScaling = RotaryScaling.none
    /// Whether the output head is the embedding.
    package var tiesEmbeddings: Bool
    /// Whether the q, k and v projections have a bias, as in Qwen2.
    package var hasQKVBias: Bool
    /// Whether each head's queries and keys pass an RMSNorm before they are rotated, as in Qwen3.
    package var hasQueryKeyNorm = false
    /// Whether q, k and v are one module, and gate and up one, as in Phi-3.
    package var fusesProjections = false
    /// How many tokens each layer's attention looks back over, the own one counted; nil for all. Empty: all layers all.
    package var attentionWindows: [Int?] = []

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

    /// How many tokens the attention of layer `index` looks back over; nil for all.
    package func attentionWindow(layer index: Int) -> Int? {
        attentionWindows.indices.contains(index) ? attentionWindows[index] : nil
    }
}
