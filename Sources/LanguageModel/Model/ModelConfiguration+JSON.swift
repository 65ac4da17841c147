package import Storage

/// The architectures that this engine computes, and what an absent value of their `config.json` means in transformers.
package enum ModelFamily: String, Sendable, CaseIterable {
    /// Llama 1 to 3, SmolLM, TinyLlama and whatever else calls itself Llama.
    case llama = "LlamaForCausalLM"
    /// Mistral: a sliding window.
    case mistral = "MistralForCausalLM"
    /// Qwen2 and Qwen2.5: biases of q, k and v.
    case qwen2 = "Qwen2ForCausalLM"
    /// Qwen3: norms of queries and keys.
    case qwen3 = "Qwen3ForCausalLM"
    /// Phi-3: q, k and v in one weight, gate and up in one.
    case phi3 = "Phi3ForCausalLM"

    /// The value of `model_type`.
    package var modelType: String {
        switch self {
        case .llama: "llama"
        case .mistral: "mistral"
        case .qwen2: "qwen2"
        case .qwen3: "qwen3"
        case .phi3: "phi3"
        }
    }

    /// `num_key_value_heads` where it is absent; nil for as many as query heads.
    var usualKeyValueHeads: Int? {
        switch self {
        case .llama, .phi3: nil
        case .mistral: 8
        case .qwen2, .qwen3: 32
        }
    }

    /// `head_dim` where it is absent; nil for hidden size by heads.
    var usualHeadSize: Int? { self == .qwen3 ? 128 : nil }

    /// `rms_norm_eps` where it is absent.
    var usualEpsilon: Double { self == .phi3 ? 1e-5 : 1e-6 }
}

extension ModelConfiguration {
    /// The architectures of `config.json` that this engine computes.
    package static let supportedArchitectures = ModelFamily.allCases.map(\.rawValue)

    private static let largestSize = 1 << 24
    private static let mostLayers = 4096

    /// Reads a Hugging Face `config.json`. `file` names it in errors.
    ///
    /// Absent values are those of transformers' configuration classes. Whether the q, k and v projections have a bias is
    /// set from what the architecture implies; loading a model corrects it by the weights that are there.
    /// - Throws: `ModelError` for values that are missing or out of range, and for features that would make the result
    ///   wrong: other architectures, other rotary embeddings, other activations.
    package init(json: JSONValue, file: String) throws(ModelError) {
        guard json.object != nil else {
            throw .invalidConfiguration(file: file, reason: "it holds \(json.kind), not an object")
        }
        let family = try Self.family(json, file: file)
        try Self.checkFeatures(json, file: file)
        func size(_ key: String, default fallback: Int? = nil) throws(ModelError) -> Int {
            guard let value = json[key], !value.isNull else {
                if let fallback { return fallback }
                throw .invalidConfiguration(file: file, reason: "\(key) is missing")
            }
            guard let number = value.int, number > 0, number <= Self.largestSize else {
                throw .invalidConfiguration(file: file, reason: "\(key) is not a whole number above zero")
            }
            return number
        }
        let hidden = try size("hidden_size")
        let heads = try size("num_attention_heads")
        let keyValueHeads = try size("num_key_value_heads", default: family.usualKeyValueHeads ?? heads)
        guard heads.isMultiple(of: keyValueHeads) else {
            throw .invalidConfiguration(
                file: file,
                reason: "num_key_value_heads (\(keyValueHeads)) does not divide num_attention_heads (\(heads))")
        }
        let headSize = try size("head_dim", default: family.usualHeadSize ?? max(1, hidden / heads))
        guard headSize.isMultiple(of: 2), heads * headSize <= Self.largestSize else {
            throw .invalidConfiguration(file: file, reason: "the head width \(headSize) is odd or too large")
        }
        let layers = try size("num_hidden_layers")
        guard layers <= Self.mostLayers else {
            throw .invalidConfiguration(file: file, reason: "num_hidden_layers is above \(Self.mostLayers)")
        }
        let epsilon = json["rms_norm_eps"]?.double ?? family.usualEpsilon
        let base = json["rope_parameters"]?["rope_theta"]?.double ?? json["rope_theta"]?.double ?? 10_000
        guard epsilon > 0, epsilon < 1, base > 1, base.isFinite else {
            throw .invalidConfiguration(file: file, reason: "rms_norm_eps or rope_theta is out of range")
        }
        self.init(
            vocabularySize: try size("vocab_size"), hiddenSize: hidden,
            intermediateSize: try size("intermediate_size"), layerCount: layers, headCount: heads,
            keyValueHeadCount: keyValueHeads, headSize: headSize, normEpsilon: epsilon, ropeBase: base,
            tiesEmbeddings: json["tie_word_embeddings"]?.bool ?? false,
            hasQKVBias: json["attention_bias"]?.bool ?? (family == .qwen2))
        ropeScaling = try RotaryScaling(json: json, headSize: headSize, file: file)
        hasQueryKeyNorm = family == .qwen3
        fusesProjections = family == .phi3
        attentionWindows = try Self.windows(json, family: family, layers: layers, file: file)
        longestSequence = Self.longestSequence(json, scaling: ropeScaling)
    }

    /// `max_position_embeddings`, or more where that is the length before the scaling of the rotary embedding.
    private static func longestSequence(_ json: JSONValue, scaling: RotaryScaling) -> Int? {
        guard let stated = json["max_position_embeddings"]?.int, stated > 0 else { return nil }
        return switch scaling {
        case .dynamic(let factor, let original), .yarn(let factor, _, _, let original, _, _):
            max(stated, Int(exactly: (factor * Double(original)).rounded()) ?? stated)
        case .none, .linear, .llama3, .longRoPE: stated
        }
    }

    /// The family that `architectures` names, or `model_type` where that is absent; Llama without either.
    static func family(_ json: JSONValue, file: String) throws(ModelError) -> ModelFamily {
        if let names = json["architectures"]?.array {
            if let family = names.compactMap(\.text).compactMap(ModelFamily.init(rawValue:)).first { return family }
            let listed = names.compactMap(\.text).joined(separator: ", ").prefix(200)
            throw .unsupported(
                file: file, feature: "the architecture \(listed)",
                supported: supportedArchitectures.joined(separator: ", "))
        }
        guard let type = json["model_type"]?.text else { return .llama }
        if let family = ModelFamily.allCases.first(where: { $0.modelType == type }) { return family }
        throw .unsupported(
            file: file, feature: "the model type \(type.prefix(100))",
            supported: ModelFamily.allCases.map(\.modelType).joined(separator: ", "))
    }

    /// Refuses what would silently compute something else.
    private static func checkFeatures(_ json: JSONValue, file: String) throws(ModelError) {
        if let activation = json["hidden_act"]?.text, activation != "silu" {
            throw .unsupported(file: file, feature: "hidden_act \(activation.prefix(100))", supported: "silu")
        }
        for section in [json, json["rope_scaling"], json["rope_parameters"]] {
            if let part = section?["partial_rotary_factor"]?.double, part != 1 {
                throw .unsupported(file: file, feature: "partial_rotary_factor \(part)", supported: "1")
            }
        }
        if json["mlp_bias"]?.bool == true {
            throw .unsupported(file: file, feature: "mlp_bias", supported: "projections of the SwiGLU without bias")
        }
        if let quantised = json["quantization_config"], !quantised.isNull {
            throw .unsupported(
                file: file, feature: "quantization_config", supported: "weights of F32, F16 and BF16")
        }
    }

    /// Each layer's attention window, as the family's class of transformers decides it; empty for none at all.
    private static func windows(
        _ json: JSONValue, family: ModelFamily, layers: Int, file: String
    ) throws(ModelError) -> [Int?] {
        let usual: Int? =
            switch family {
            case .llama: nil
            case .phi3: nil
            case .mistral, .qwen2, .qwen3: 4096
            }
        var window = usual
        if let value = json["sliding_window"] {
            window = value.isNull ? nil : value.int
            guard value.isNull || (window.map { $0 > 0 && $0 <= 1 << 30 } ?? false) else {
                throw .invalidConfiguration(file: file, reason: "sliding_window is not a whole number above zero")
            }
        }
        guard let window else { return [] }
        switch family {
        case .llama: return []
        case .mistral, .phi3: return [Int?](repeating: window, count: layers)
        case .qwen2, .qwen3:
            guard json["use_sliding_window"]?.bool == true else { return [] }
            guard let types = json["layer_types"]?.array else {
                // transformers' own default, in models of any depth.
                let first = json["max_window_layers"]?.int ?? 28
                return (0..<layers).map { $0 >= first ? window : nil }
            }
            guard types.count == layers else {
                throw .invalidConfiguration(file: file, reason: "layer_types does not have \(layers) entries")
            }
            var windows: [Int?] = []
            for type in types {
                switch type.text {
                case "full_attention": windows.append(nil)
                case "sliding_attention": windows.append(window)
                default:
                    throw .unsupported(
                        file: file, feature: "an entry \(type.text ?? type.kind) of layer_types",
                        supported: "full_attention, sliding_attention")
                }
            }
            return windows
        }
    }
}

extension ModelConfiguration {
    private static let sizeLimit = 4 << 20

    /// The configuration of the Hugging Face folder `directory`. Throws `FileError` or `ModelError`.
    package static func read(directory: String) throws -> ModelConfiguration {
        let (json, file) = try document(directory: directory)
        return try ModelConfiguration(json: json, file: file)
    }

    /// The content of `config.json` and the file's path.
    static func document(directory: String) throws -> (json: JSONValue, file: String) {
        let file = "\(directory)/config.json"
        return (try document(file), file)
    }

    /// The content of `generation_config.json`; nil where there is none.
    static func generationDocument(directory: String) throws -> JSONValue? {
        let file = "\(directory)/generation_config.json"
        do {
            return try document(file)
        } catch FileError.notFound {
            return nil
        }
    }

    private static func document(_ file: String) throws -> JSONValue {
        let bytes = try ReadableFile.contents(of: file, limit: sizeLimit)
        do throws(JSONError) {
            return try JSONValue.parse(bytes)
        } catch {
            throw ModelError.invalidConfiguration(file: file, reason: "\(error)")
        }
    }
}
