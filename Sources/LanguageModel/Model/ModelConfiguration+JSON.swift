package import Adapters

extension ModelConfiguration {
    /// The architectures of `config.json` that this engine computes.
    package static let supportedArchitectures = ["LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM"]

    private static let largestSize = 1 << 24

    /// Reads a Hugging Face `config.json`. `file` names it in errors.
    ///
    /// Whether the q, k and v projections have a bias is set from what the architecture implies; loading a model
    /// corrects it by the weights that are there.
    /// - Throws: `ModelError` for values that are missing or out of range, and for features that would make the result
    ///   wrong: other architectures, scaled rotary embeddings, other activations, sliding windows in use.
    package init(json: JSONValue, file: String) throws(ModelError) {
        guard json.object != nil else {
            throw .invalidConfiguration(file: file, reason: "it holds \(json.kind), not an object")
        }
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
        let keyValueHeads = try size("num_key_value_heads", default: heads)
        guard heads.isMultiple(of: keyValueHeads) else {
            throw .invalidConfiguration(
                file: file,
                reason: "num_key_value_heads (\(keyValueHeads)) does not divide num_attention_heads (\(heads))")
        }
        let headSize = try size("head_dim", default: max(1, hidden / heads))
        guard headSize.isMultiple(of: 2) else {
            throw .invalidConfiguration(file: file, reason: "the head width \(headSize) is odd")
        }
        let epsilon = json["rms_norm_eps"]?.double ?? 1e-6
        let base = json["rope_parameters"]?["rope_theta"]?.double ?? json["rope_theta"]?.double ?? 10_000
        guard epsilon > 0, epsilon < 1, base > 1 else {
            throw .invalidConfiguration(file: file, reason: "rms_norm_eps or rope_theta is out of range")
        }
        self.init(
            vocabularySize: try size("vocab_size"), hiddenSize: hidden,
            intermediateSize: try size("intermediate_size"), layerCount: try size("num_hidden_layers"),
            headCount: heads, keyValueHeadCount: keyValueHeads, headSize: headSize, normEpsilon: epsilon,
            ropeBase: base, tiesEmbeddings: json["tie_word_embeddings"]?.bool ?? false,
            hasQKVBias: json["attention_bias"]?.bool ?? (json["model_type"]?.text == "qwen2"))
    }

    /// Refuses what would silently compute something else.
    private static func checkFeatures(_ json: JSONValue, file: String) throws(ModelError) {
        if let names = json["architectures"]?.array {
            let known = names.compactMap(\.text).contains { supportedArchitectures.contains($0) }
            guard known else {
                let listed = names.compactMap(\.text).joined(separator: ", ").prefix(200)
                throw .unsupported(
                    file: file, feature: "the architecture \(listed)",
                    supported: supportedArchitectures.joined(separator: ", "))
            }
        } else if let type = json["model_type"]?.text, !["llama", "mistral", "qwen2"].contains(type) {
            throw .unsupported(
                file: file, feature: "the model type \(type.prefix(100))", supported: "llama, mistral, qwen2")
        }
        if let activation = json["hidden_act"]?.text, activation != "silu" {
            throw .unsupported(file: file, feature: "hidden_act \(activation.prefix(100))", supported: "silu")
        }
        for (key, value) in [("rope_scaling", json["rope_scaling"]), ("rope_parameters", json["rope_parameters"])] {
            guard let value, !value.isNull else { continue }
            let type = value["rope_type"]?.text ?? value["type"]?.text ?? "default"
            if type != "default" {
                throw .unsupported(
                    file: file, feature: "\(key) of type \(type.prefix(100))", supported: "the default, unscaled type")
            }
            if let part = value["partial_rotary_factor"]?.double, part != 1 {
                throw .unsupported(file: file, feature: "partial_rotary_factor \(part)", supported: "1")
            }
        }
        if json["use_sliding_window"]?.bool == true {
            throw .unsupported(file: file, feature: "use_sliding_window", supported: "full attention")
        }
        if json["mlp_bias"]?.bool == true {
            throw .unsupported(file: file, feature: "mlp_bias", supported: "projections of the SwiGLU without bias")
        }
    }
}
