internal import LinearAlgebra

/// Causal softmax attention of one sequence, head by head, in blocks of query rows; only sums are kept for the
/// backward pass, which computes the probabilities again (as in FlashAttention, Dao et al., 2022).
///
/// Query head h reads key and value head h / (heads / keyValueHeads).
struct CausalAttention {
    let headCount: Int
    let keyValueHeadCount: Int
    let headSize: Int
    /// How many keys a query sees at most, its own the last of them.
    let window: Int
    /// Room for a block of scores and its gradient, and for a sum a row.
    let scores: Matrix
    let scoresGradient: Matrix
    let rowSums: Matrix

    private var scale: Float { 1 / Float(headSize).squareRoot() }

    /// Attention of a layer that looks back over `window` tokens, or over all.
    init(_ shape: ModelConfiguration, _ workspace: Workspace, window: Int?) {
        self.window = window ?? .max
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

    /// Calls `body` with each block of query rows and the keys that any of its rows sees.
    private func forEachBlock(queries: Int, keys: Int, _ body: (Range<Int>, Range<Int>) -> Void) {
        var start = 0
        while start < queries {
            let end = min(start + Workspace.blockRows, queries)
            let firstSees = keys - queries + start + 1
            body(start..<end, (firstSees > window ? firstSees - window : 0)..<keys - queries + end)
            start = end
        }
    }

    /// output [n, q] from queries [n, q], keys and values [m, kv] with m ≥ n: the queries are the last n positions.
    func forward(queries: Matrix, keys: Matrix, values: Matrix, output: Matrix, logSums: Matrix) {
        for head in 0..<headCount {
            let own = columns(ofHead: head)
            let shared = columns(ofKeysFor: head)
            forEachBlock(queries: queries.rows, keys: keys.rows) { block, seen in
                let p = scores.reshaped(rows: block.count, columns: seen.count)
                p.assignProduct(
                    queries.rows(block).columns(own), keys.rows(seen).columns(shared), transposingRight: true)
                p.applyCausalSoftmax(
                    visible: seen.count - block.count + 1, window: window, scale: scale,
                    logSums: logSums.rows(block).columns(head..<head + 1))
                output.rows(block).columns(own).assignProduct(p, values.rows(seen).columns(shared))
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
                let k = keys.rows(seen).columns(shared)
                let dO = outputGradient.rows(block).columns(own)
                let p = scores.reshaped(rows: block.count, columns: seen.count)
                p.assignProduct(q, k, transposingRight: true)
                p.recallCausalSoftmax(
                    visible: seen.count - block.count + 1, window: window, scale: scale,
                    logSums: logSums.rows(block).columns(head..<head + 1))
                valueGradient.rows(seen).columns(shared).assignProduct(p, transposingLeft: true, dO, adding: true)
                let d = scoresGradient.reshaped(rows: block.count, columns: seen.count)
                d.assignProduct(dO, values.rows(seen).columns(shared), transposingRight: true)
                let sums = rowSums.rows(0..<block.count)
                sums.assignRowDots(dO, output.rows(block).columns(own))
                d.applySoftmaxGradient(probabilities: p, sums: sums, scale: scale)
                queryGradient.rows(block).columns(own).assignProduct(d, k)
                keyGradient.rows(seen).columns(shared).assignProduct(d, transposingLeft: true, q, adding: true)
            }
        }
    }
}
