/// A linear map of a base model that can carry a LoRA module.
package struct LoRAProjection: Sendable, Hashable {
    /// The decoder layer, from zero.
    package let layer: Int
    /// Which of the layer's projections.
    package let target: LoRAConfiguration.Target
    /// The width of the input, the columns of A.
    package let inputSize: Int
    /// The width of the output, the rows of B.
    package let outputSize: Int

    package init(layer: Int, target: LoRAConfiguration.Target, inputSize: Int, outputSize: Int) {
        precondition(layer >= 0 && inputSize > 0 && outputSize > 0, "a projection has a layer and positive widths")
        self.layer = layer
        self.target = target
        self.inputSize = inputSize
        self.outputSize = outputSize
    }

    /// PEFT's name of the module in a causal language model, without the factor:
    /// `base_model.model.model.layers.0.self_attn.q_proj`.
    package var moduleName: String {
        "base_model.model.\(path)"
    }

    /// The module's path in the model: `model.layers.0.self_attn.q_proj`.
    package var path: String { "model.layers.\(layer).\(target.block).\(target.rawValue)" }

    /// The name of the factor A [rank, input] in an adapter file.
    package var nameOfA: String { "\(moduleName).lora_A.weight" }

    /// The name of the factor B [output, rank] in an adapter file.
    package var nameOfB: String { "\(moduleName).lora_B.weight" }
}

extension LoRAConfiguration.Target {
    /// The part of a decoder layer that the projection belongs to, as in the names of its weights.
    package var block: String {
        switch self {
        case .query, .key, .value, .output, .queryKeyValue: "self_attn"
        case .gate, .up, .down, .gateUp: "mlp"
        }
    }
}
