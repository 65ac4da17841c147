internal import LinearAlgebra

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
