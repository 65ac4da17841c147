import LinearAlgebra

/// What a decoder layer computes in its forward pass and its backward pass reads, one row a token of the pass.
///
/// The shapes of all steps in this folder are written in these letters: n the rows of a step, hidden the width of the
/// residual stream, q all query heads together, kv all key heads (or all value heads) together, head one head, r the
/// ranks of all LoRA modules that read one input.
struct LayerActivations {
    /// The residual stream before the layer [n, hidden]. The layers of a workspace that saves memory share all but this.
    var input: Matrix
    /// 1 / rms of each row before attention [n, 1].
    let inputInverse: Matrix
    /// Queries, keys and values after rotation [n, q + 2 kv].
    let queryKeyValue: Matrix
    /// Queries and keys before their heads' norms [n, q + kv]; no columns without such norms.
    let unnormed: Matrix
    /// 1 / rms of each row of each head of those [n, heads].
    let headInverse: Matrix
    /// The heads' outputs [n, q].
    let attended: Matrix
    /// The logarithms of the softmax sums [n, query heads]: with them the backward pass makes the probabilities again.
    let logSums: Matrix
    /// The residual stream between attention and the SwiGLU block [n, hidden].
    let middle: Matrix
    /// 1 / rms of each row before the SwiGLU block [n, 1].
    let middleInverse: Matrix
    /// Gate, then up [n, 2 intermediate].
    let gateUp: Matrix
    /// What the A factors of each group of LoRA modules make of its input [n, r].
    let inner: LoRAGroups<Matrix>

    /// Cuts the matrices for `rows` tokens from `arena`; `ranks` are those of each group.
    init(rows: Int, shape: ModelConfiguration, ranks: LoRAGroups<Int>, arena: Arena) {
        func matrix(_ columns: Int) -> Matrix { arena.matrix(rows: rows, columns: columns) }
        input = matrix(shape.hiddenSize)
        inputInverse = matrix(1)
        queryKeyValue = matrix(shape.queryKeyValueWidth)
        unnormed = matrix(shape.normedWidth)
        headInverse = matrix(shape.normedWidth / shape.headSize)
        attended = matrix(shape.queryWidth)
        logSums = matrix(shape.headCount)
        middle = matrix(shape.hiddenSize)
        middleInverse = matrix(1)
        gateUp = matrix(2 * shape.intermediateSize)
        inner = ranks.map(matrix)
    }

    /// The same matrices cut to their first `count` rows.
    func firstRows(_ count: Int) -> LayerActivations { LayerActivations(self) { $0.rows(0..<count) } }

    private init(_ other: LayerActivations, _ cut: (Matrix) -> Matrix) {
        input = cut(other.input)
        inputInverse = cut(other.inputInverse)
        queryKeyValue = cut(other.queryKeyValue)
        unnormed = cut(other.unnormed)
        headInverse = cut(other.headInverse)
        attended = cut(other.attended)
        logSums = cut(other.logSums)
        middle = cut(other.middle)
        middleInverse = cut(other.middleInverse)
        gateUp = cut(other.gateUp)
        inner = other.inner.map(cut)
    }
}
