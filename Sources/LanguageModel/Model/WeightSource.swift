internal import Adapters
internal import LinearAlgebra

/// Reads the weights of a Llama-family checkpoint by their Hugging Face names and checks their shapes.
struct WeightSource {
    let weights: WeightsDirectory

    /// The values of a weight that must have this shape.
    func values(_ name: String, _ shape: [Int]) throws -> [Float] {
        guard let found = weights.shape(of: name) else {
            throw ModelError.invalidWeight(path: weights.path, name: name, reason: "is missing")
        }
        guard found == shape else {
            throw ModelError.invalidWeight(
                path: weights.path, name: name, reason: "has shape \(found) where config.json says \(shape)")
        }
        return try weights.floats(named: name)
    }

    /// The weights of layer `index`.
    func layer(_ index: Int, _ shape: ModelConfiguration) throws -> LayerWeights {
        let hidden = shape.hiddenSize
        func weight(_ target: LoRAConfiguration.Target) throws -> [Float] {
            try values(
                "model.layers.\(index).\(target.block).\(target.rawValue).weight",
                [shape.outputSize(of: target), shape.inputSize(of: target)])
        }
        func joined(_ fused: LoRAConfiguration.Target, _ parts: [LoRAConfiguration.Target]) throws -> FrozenMatrix {
            FrozenMatrix(columns: hidden, parts: try (shape.fusesProjections ? [fused] : parts).map(weight))
        }
        func headNorm(_ name: String) throws -> FrozenMatrix? {
            guard shape.hasQueryKeyNorm else { return nil }
            return FrozenMatrix(row: try values("model.layers.\(index).self_attn.\(name).weight", [shape.headSize]))
        }
        func bias(_ target: LoRAConfiguration.Target) throws -> [Float] {
            try values(
                "model.layers.\(index).\(target.block).\(target.rawValue).bias", [shape.outputSize(of: target)])
        }
        return LayerWeights(
            attentionNorm: FrozenMatrix(
                row: try values("model.layers.\(index).input_layernorm.weight", [hidden])),
            queryKeyValue: try joined(.queryKeyValue, [.query, .key, .value]),
            queryKeyValueBias: shape.hasQKVBias
                ? FrozenMatrix(row: try bias(.query) + bias(.key) + bias(.value)) : nil,
            queryNorm: try headNorm("q_norm"), keyNorm: try headNorm("k_norm"),
            output: FrozenMatrix(columns: shape.queryWidth, parts: [try weight(.output)]),
            feedForwardNorm: FrozenMatrix(
                row: try values("model.layers.\(index).post_attention_layernorm.weight", [hidden])),
            gateUp: try joined(.gateUp, [.gate, .up]),
            down: FrozenMatrix(columns: shape.intermediateSize, parts: [try weight(.down)]))
    }
}
