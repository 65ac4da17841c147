import LinearAlgebra

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
                let sequence = context.sequences[piece.sequence]
                let range = sequence.rows
                let head = keyHead(of: piece.head)
                let own = columns(ofHead: piece.head)
                let keys = keys.columns(columns(ofHead: head))
                let values = values.columns(columns(ofHead: head))
                let rows = cached == nil ? range : 0..<keys.rows
                if range.count == 1 && sequence.shared.isEmpty {
                    attention.forwardRow(
                        query: joint.rows(range).columns(own), keys: keys.rows(rows), values: values.rows(rows),
                        output: output.rows(range).columns(own),
                        logSums: logSums.rows(range).columns(piece.head..<piece.head + 1), window: window)
                    continue
                }
                if loaded != (piece.sequence, head) {
                    load(keys, values, shared: sequence.shared, rows: rows, into: attention)
                    loaded = (piece.sequence, head)
                }
                attention.forward(
                    queries: joint.rows(range).columns(own), output: output.rows(range).columns(own),
                    logSums: logSums.rows(range).columns(piece.head..<piece.head + 1), rows: piece.rows,
                    window: window)
            }
        }
    }

    /// Gives one head's keys and values of a sequence to `attention`: those of its `shared` rows and of its own.
    private func load(
        _ keys: Matrix, _ values: Matrix, shared: Range<Int>, rows: Range<Int>, into attention: HeadAttention,
        backward: Bool = false
    ) {
        if shared.isEmpty {
            attention.load(keys: keys.rows(rows), values: values.rows(rows), backward: backward)
        } else {
            attention.load(
                before: (keys.rows(shared), values.rows(shared)), keys: keys.rows(rows), values: values.rows(rows),
                backward: backward)
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
                let sequence = context.sequences[piece.sequence]
                let range = sequence.rows
                let head = keyHead(of: piece.head)
                let own = columns(ofHead: piece.head)
                if loaded != (piece.sequence, head) {
                    load(
                        joint.columns(context.keyColumns).columns(columns(ofHead: head)),
                        joint.columns(context.valueColumns).columns(columns(ofHead: head)), shared: sequence.shared,
                        rows: range, into: attention, backward: true)
                    loaded = (piece.sequence, head)
                }
                let keyShare = keyShare.columns(columns(ofHead: head))
                let valueShare = valueShare.columns(columns(ofHead: head))
                let gradients = HeadAttention.Gradients(
                    queries: joint.rows(range).columns(own), output: output.rows(range).columns(own),
                    outputGradient: outputGradient.rows(range).columns(own),
                    logSums: logSums.rows(range).columns(piece.head..<piece.head + 1),
                    queryGradient: gradient.rows(range).columns(own), keyGradient: keyShare.rows(range),
                    valueGradient: valueShare.rows(range))
                if sequence.shared.isEmpty {
                    attention.backward(gradients, rows: piece.rows, window: window)
                } else {
                    attention.backward(
                        gradients, before: (keyShare.rows(sequence.shared), valueShare.rows(sequence.shared)),
                        rows: piece.rows, window: window)
                }
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

/// Some query rows of one head in one sequence.
package struct AttentionPiece: Equatable {
    /// The number of the sequence.
    package let sequence: Int
    /// The number of the query head.
    package let head: Int
    /// The rows, counted in the sequence.
    package var rows: Range<Int>

    /// The heads of sequences with so many queries, whose keys begin `before` positions earlier, dealt out to `parts` in
    /// runs of about equal work.
    package static func split(
        _ queries: [Int], heads: Int, before: [Int], into parts: Int
    ) -> [[AttentionPiece]] {
        precondition(before.count == queries.count, "one number a sequence")
        if parts == 1 {
            return [
                queries.indices.flatMap { sequence in
                    (0..<heads).map { AttentionPiece(sequence: sequence, head: $0, rows: 0..<queries[sequence]) }
                }
            ]
        }
        // A block's work is about that of its rows times the keys they see; the constant stands for what rows cost alone.
        func work(_ rows: Range<Int>, _ before: Int) -> Int {
            rows.count * (2 * before + rows.lowerBound + rows.upperBound + 64)
        }
        func blocks(_ count: Int) -> [Range<Int>] {
            stride(from: 0, to: count, by: HeadAttention.blockRows).map {
                $0..<min($0 + HeadAttention.blockRows, count)
            }
        }
        let total = zip(queries, before).reduce(0) { sum, sequence in
            sum + heads * blocks(sequence.0).reduce(0) { $0 + work($1, sequence.1) }
        }
        var result = [[AttentionPiece]](repeating: [], count: parts)
        var sum = 0
        for (sequence, count) in queries.enumerated() {
            for head in 0..<heads {
                for rows in blocks(count) {
                    // A block belongs to the part in which its middle lies.
                    let work = work(rows, before[sequence])
                    let part = min(parts - 1, (2 * sum + work) * parts / max(1, 2 * total))
                    sum += work
                    if let last = result[part].last, last.sequence == sequence, last.head == head {
                        result[part][result[part].count - 1].rows = last.rows.lowerBound..<rows.upperBound
                    } else {
                        result[part].append(AttentionPiece(sequence: sequence, head: head, rows: rows))
                    }
                }
            }
        }
        return result
    }
}
