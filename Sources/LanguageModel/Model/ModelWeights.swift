import Adapters
import LinearAlgebra
import Storage

/// The frozen weights of one decoder layer. Projections that read the same input are one matrix, so that each pair of
/// directions is one product.
struct LayerWeights: Sendable {
    /// The weights of the norm before attention, [1, hidden].
    let attentionNorm: FrozenMatrix
    /// The q, k and v projections one below the other, [q + 2 kv, hidden].
    let queryKeyValue: FrozenMatrix
    /// Their biases in the same order, [1, q + 2 kv], where the model has any.
    let queryKeyValueBias: FrozenMatrix?
    /// The weights of the norm of each query head, [1, head width], where the model has one, and of each key head.
    let queryNorm: FrozenMatrix?
    let keyNorm: FrozenMatrix?
    /// The o projection, [hidden, q].
    let output: FrozenMatrix
    /// The weights of the norm before the SwiGLU block, [1, hidden].
    let feedForwardNorm: FrozenMatrix
    /// The gate and up projections one below the other, [2 intermediate, hidden].
    let gateUp: FrozenMatrix
    /// The down projection, [hidden, intermediate].
    let down: FrozenMatrix
}

/// Reads the weights of a Llama-family checkpoint by their Hugging Face names and checks their shapes.
struct WeightSource {
    let weights: WeightsDirectory
    /// How weights are kept; nil for the smallest form that is exact.
    let storage: WeightStorage?

    /// The values of a weight that must have this shape.
    func values(_ name: String, _ shape: [Int]) throws -> [Float] {
        try check(name, shape)
        return try weights.floats(named: name)
    }

    /// Refuses a weight that is missing or of another shape.
    private func check(_ name: String, _ shape: [Int]) throws(ModelError) {
        guard let found = weights.shape(of: name) else {
            throw ModelError.invalidWeight(path: weights.path, name: name, reason: "is missing")
        }
        guard found == shape else {
            throw ModelError.invalidWeight(
                path: weights.path, name: name, reason: "has shape \(found) where config.json says \(shape)")
        }
    }

    /// The rows of several weights one below the other, read one after another; each has `columns` columns.
    func matrix(_ parts: [(name: String, rows: Int)], columns: Int) throws -> FrozenMatrix {
        // What a configuration claims is not believed before the file has it: a matrix is memory.
        for part in parts { try check(part.name, [part.rows, columns]) }
        let isHalf = parts.allSatisfy { weights.type(of: $0.name) == "BF16" }
        return try FrozenMatrix(
            columns: columns, rows: parts.reduce(0) { $0 + $1.rows },
            storage: storage ?? (isHalf ? .bfloat16 : .float32),
            makingParts: parts.map { part in { try values(part.name, [part.rows, columns]) } })
    }

    /// The weights of layer `index`.
    func layer(_ index: Int, _ shape: ModelConfiguration) throws -> LayerWeights {
        let hidden = shape.hiddenSize
        func matrix(_ targets: [LoRAConfiguration.Target]) throws -> FrozenMatrix {
            try self.matrix(
                targets.map { target in
                    (
                        "model.layers.\(index).\(target.block).\(target.rawValue).weight",
                        shape.outputSize(of: target)
                    )
                }, columns: shape.inputSize(of: targets[0]))
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
            queryKeyValue: try matrix(shape.fusesProjections ? [.queryKeyValue] : [.query, .key, .value]),
            queryKeyValueBias: shape.hasQKVBias
                ? FrozenMatrix(row: try bias(.query) + bias(.key) + bias(.value)) : nil,
            queryNorm: try headNorm("q_norm"), keyNorm: try headNorm("k_norm"),
            output: try matrix([.output]),
            feedForwardNorm: FrozenMatrix(
                row: try values("model.layers.\(index).post_attention_layernorm.weight", [hidden])),
            gateUp: try matrix(shape.fusesProjections ? [.gateUp] : [.gate, .up]),
            down: try matrix([.down]))
    }
}
