package import Adapters
package import Storage

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
    /// The longest sequence that the model was made for, in tokens; nil where its configuration does not say.
    package var longestSequence: Int?

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

extension ModelConfiguration {
    /// The width of all query heads together.
    package var queryWidth: Int { headCount * headSize }
    /// The width of all key heads, or of all value heads, together.
    package var keyValueWidth: Int { keyValueHeadCount * headSize }
    /// The width of queries, keys and values together.
    package var queryKeyValueWidth: Int { queryWidth + 2 * keyValueWidth }
    /// The width of the queries and keys that pass a norm of their own; zero where there is none.
    var normedWidth: Int { hasQueryKeyNorm ? queryWidth + keyValueWidth : 0 }

    /// The number of parameters, tied weights counted once.
    package var parameterCount: Int {
        let attention = hiddenSize * (2 * queryWidth + 2 * keyValueWidth)
        let bias = hasQKVBias ? queryKeyValueWidth : 0
        let norms = hasQueryKeyNorm ? 2 * headSize : 0
        let layer = attention + bias + norms + 3 * hiddenSize * intermediateSize + 2 * hiddenSize
        let tables = (tiesEmbeddings ? 1 : 2) * vocabularySize * hiddenSize
        return layerCount * layer + tables + hiddenSize
    }

    /// The projections that can carry an adapter, layer by layer.
    package var projections: [LoRAProjection] {
        (0..<layerCount).flatMap { layer in
            linearTargets.map { target in
                LoRAProjection(
                    layer: layer, target: target, inputSize: inputSize(of: target), outputSize: outputSize(of: target))
            }
        }
    }

    /// The linear maps of each decoder layer: what `all-linear` means for this model.
    package var linearTargets: [LoRAConfiguration.Target] {
        fusesProjections
            ? [.queryKeyValue, .output, .gateUp, .down]
            : [.query, .key, .value, .output, .gate, .up, .down]
    }

    /// The width of a projection's input.
    package func inputSize(of target: LoRAConfiguration.Target) -> Int {
        switch target {
        case .query, .key, .value, .queryKeyValue, .gate, .up, .gateUp: hiddenSize
        case .output: queryWidth
        case .down: intermediateSize
        }
    }

    /// The width of a projection's output.
    package func outputSize(of target: LoRAConfiguration.Target) -> Int {
        switch target {
        case .query: queryWidth
        case .key, .value: keyValueWidth
        case .output, .down: hiddenSize
        case .gate, .up: intermediateSize
        case .queryKeyValue: queryKeyValueWidth
        case .gateUp: 2 * intermediateSize
        }
    }
}

/// Why a base model cannot be used.
package enum ModelError: Error, Equatable, CustomStringConvertible {
    /// `config.json` is not a JSON object, or a value in it is missing or makes no sense.
    case invalidConfiguration(file: String, reason: String)
    /// The configuration asks for something this engine does not compute.
    case unsupported(file: String, feature: String, supported: String)
    /// A weight is missing or has another shape than the configuration says.
    case invalidWeight(path: String, name: String, reason: String)
    /// A weight holds values that are not finite.
    case notFinite(path: String, name: String, shape: [Int], NotFiniteValues)
    /// The weights do not fit into memory.
    case tooLarge(path: String, need: String, available: String)

    package var description: String {
        switch self {
        case .invalidConfiguration(let file, let reason): "\(file): \(reason)"
        case .unsupported(let file, let feature, let supported):
            "\(file): \(feature) is not supported; supported: \(supported)"
        case .invalidWeight(let path, let name, let reason): "\(path): the weight \(name) \(reason)"
        case .tooLarge(let path, let need, let available):
            "\(path): \(need), and \(available); give the process more, or take a smaller form or model"
        case .notFinite(let path, let name, let shape, let values):
            "\(path): the weight \(name): \(values.description(shape: shape)); "
                + "the file is damaged, or whatever wrote it overflowed: fetch or make it again"
        }
    }
}
