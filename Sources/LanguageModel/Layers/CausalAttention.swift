internal import LinearAlgebra

/// Causal softmax attention of all heads and sequences of a pass, shared by the parts of the team in pieces of query
/// rows. Query head h reads key and value head h / (heads / keyValueHeads).
struct CausalAttention {
    let context: PassContext
    /// How many keys a query sees at most, its own the last of them.
    let window: Int

    /// Attention of a layer that looks back over `window` tokens, or over all.
    init(_ context: PassContext, window: Int?) {
        self.context = context
        self.window = window ?? .max
    }

    private var shape: ModelConfiguration { context.shape }

    private func columns(ofHead head: Int) -> Range<Int> { head * shape.headSize..<(head + 1) * shape.headSize }

    private func keyHead(of head: Int) -> Int { head / (shape.headCount / shape.keyValueHeadCount) }

    /// output [n, q] from the joint queries, keys and values [n, q + 2 kv], or from `cached` keys and values [m, kv] of
    /// the one sequence.
    func forward(joint: Matrix, cached: (keys: Matrix, values: Matrix)?, output: Matrix, logSums: Matrix) {
        let keys = cached?.keys ?? joint.columns(context.keyColumns)
        let values = cached?.values ?? joint.columns(context.valueColumns)
        context.workspace.team.run { part in
            let attention = context.workspace.attention[part]
            var loaded = (sequence: -1, head: -1)
            for piece in context.pieces[part] {
                let range = context.ranges[piece.sequence]
                let shared = keyHead(of: piece.head)
                let rows = cached == nil ? range : 0..<keys.rows
                if range.count == 1 {
                    attention.forwardRow(
                        query: joint.rows(range).columns(columns(ofHead: piece.head)),
                        keys: keys.rows(rows).columns(columns(ofHead: shared)),
                        values: values.rows(rows).columns(columns(ofHead: shared)),
                        output: output.rows(range).columns(columns(ofHead: piece.head)),
                        logSums: logSums.rows(range).columns(piece.head..<piece.head + 1), window: window)
                    continue
                }
                if loaded != (piece.sequence, shared) {
                    attention.load(
                        keys: keys.rows(rows).columns(columns(ofHead: shared)),
                        values: values.rows(rows).columns(columns(ofHead: shared)))
                    loaded = (piece.sequence, shared)
                }
                let own = columns(ofHead: piece.head)
                attention.forward(
                    queries: joint.rows(range).columns(own), output: output.rows(range).columns(own),
                    logSums: logSums.rows(range).columns(piece.head..<piece.head + 1), rows: piece.rows,
                    window: window)
            }
        }
    }

    /// The gradients of queries, keys and values, all overwritten, into `gradient` [n, q + 2 kv], from that of the
    /// output. Every part adds to keys and values of its own first.
    func backward(joint: Matrix, output: Matrix, logSums: Matrix, outputGradient: Matrix, gradient: Matrix) {
        let rows = joint.rows
        context.workspace.team.run { part in
            let attention = context.workspace.attention[part]
            let shares = context.workspace.keyValueGradients[part].rows(0..<rows)
            shares.fill(0)
            let keyShare = shares.columns(0..<shape.keyValueWidth)
            let valueShare = shares.columns(shape.keyValueWidth..<2 * shape.keyValueWidth)
            var loaded = (sequence: -1, head: -1)
            for piece in context.pieces[part] {
                let range = context.ranges[piece.sequence]
                let shared = columns(ofHead: keyHead(of: piece.head))
                let own = columns(ofHead: piece.head)
                let joint = joint.rows(range)
                if loaded != (piece.sequence, keyHead(of: piece.head)) {
                    attention.load(
                        keys: joint.columns(context.keyColumns).columns(shared),
                        values: joint.columns(context.valueColumns).columns(shared), backward: true)
                    loaded = (piece.sequence, keyHead(of: piece.head))
                }
                attention.backward(
                    HeadAttention.Gradients(
                        queries: joint.columns(own), output: output.rows(range).columns(own),
                        outputGradient: outputGradient.rows(range).columns(own),
                        logSums: logSums.rows(range).columns(piece.head..<piece.head + 1),
                        queryGradient: gradient.rows(range).columns(own),
                        keyGradient: keyShare.rows(range).columns(shared),
                        valueGradient: valueShare.rows(range).columns(shared)),
                    rows: piece.rows, window: window)
            }
        }
    }

    /// Adds up the parts' gradients of keys and values in the `rows` of `gradient`.
    func gather(into gradient: Matrix, rows: Range<Int>) {
        let target = gradient.rows(rows).columns(context.keyColumns.lowerBound..<context.valueColumns.upperBound)
        for (part, share) in context.workspace.keyValueGradients.enumerated() {
            if part == 0 { target.assign(share.rows(rows)) } else { target.add(share.rows(rows)) }
        }
    }
}
