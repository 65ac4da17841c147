internal import LinearAlgebra

/// Causal softmax attention of one sequence, head by head, in blocks of query rows; only sums are kept for the
/// backward pass, which computes the probabilities again (as in FlashAttention, Dao et al., 2022).
///
/// Query head h reads key and value head h / (heads / keyValueHeads).
struct CausalAttention {
    let headCount: Int
    let keyValueHeadCount: Int
    let headSize: Int
    /// Room for a block of scores and its gradient, and for a sum a row.
    let scores: Matrix
    let scoresGradient: Matrix
    let rowSums: Matrix

    private var scale: Float { 1 / Float(headSize).squareRoot() }

    init(_ shape: ModelConfiguration, _ workspace: Workspace) {
        headCount = shape.headCount
        keyValueHeadCount = shape.keyValueHeadCount
        headSize = shape.headSize
        scores = workspace.scores
        scoresGradient = workspace.scoresGradient
        rowSums = workspace.rowSums
    }

    private func columns(ofHead head: Int) -> Range<Int> { head * headSize..<(head + 1) * headSize }

    private func columns(ofKeysFor head: Int) -> Range<Int> {
        columns(ofHead: head / (headCount / keyValueHeadCount))
    }

    /// Calls `body` with each block of query rows and the number of keys that its last row sees.
    private func forEachBlock(queries: Int, keys: Int, _ body: (Range<Int>, Int) -> Void) {
        var start = 0
        while start < queries {
            let end = min(start + Workspace.blockRows, queries)
            body(start..<end, keys - queries + end)
            start = end
        }
    }

    /// output [n, q] from queries [n, q], keys and values [m, kv] with m ≥ n: the queries are the last n positions.
    func forward(queries: Matrix, keys: Matrix, values: Matrix, output: Matrix, logSums: Matrix) {
        for head in 0..<headCount {
            let own = columns(ofHead: head)
            let shared = columns(ofKeysFor: head)
            forEachBlock(queries: queries.rows, keys: keys.rows) { block, seen in
                let p = scores.reshaped(rows: block.count, columns: seen)
                p.assignProduct(
                    queries.rows(block).columns(own), keys.rows(0..<seen).columns(shared), transposingRight: true)
                p.applyCausalSoftmax(
                    visible: seen - block.count + 1, scale: scale,
                    logSums: logSums.rows(block).columns(head..<head + 1))
                output.rows(block).columns(own).assignProduct(p, values.rows(0..<seen).columns(shared))
            }
        }
    }

    /// The gradients of queries, keys and values, all overwritten, from that of the output. A full sequence: m = n.
    func backward(
        queries: Matrix, keys: Matrix, values: Matrix, output: Matrix, logSums: Matrix, outputGradient: Matrix,
        queryGradient: Matrix, keyGradient: Matrix, valueGradient: Matrix
    ) {
        keyGradient.fill(0)
        valueGradient.fill(0)
        for head in 0..<headCount {
            let own = columns(ofHead: head)
            let shared = columns(ofKeysFor: head)
            forEachBlock(queries: queries.rows, keys: keys.rows) { block, seen in
                let q = queries.rows(block).columns(own)
                let k = keys.rows(0..<seen).columns(shared)
                let dO = outputGradient.rows(block).columns(own)
                let p = scores.reshaped(rows: block.count, columns: seen)
                p.assignProduct(q, k, transposingRight: true)
                p.recallCausalSoftmax(
                    visible: seen - block.count + 1, scale: scale,
                    logSums: logSums.rows(block).columns(head..<head + 1))
                valueGradient.rows(0..<seen).columns(shared).assignProduct(p, transposingLeft: true, dO, adding: true)
                let d = scoresGradient.reshaped(rows: block.count, columns: seen)
                d.assignProduct(dO, values.rows(0..<seen).columns(shared), transposingRight: true)
                let sums = rowSums.rows(0..<block.count)
                sums.assignRowDots(dO, output.rows(block).columns(own))
                d.applySoftmaxGradient(probabilities: p, sums: sums, scale: scale)
                queryGradient.rows(block).columns(own).assignProduct(d, k)
                keyGradient.rows(0..<seen).columns(shared).assignProduct(d, transposingLeft: true, q, adding: true)
            }
        }
    }
}
