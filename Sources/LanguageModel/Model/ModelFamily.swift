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
