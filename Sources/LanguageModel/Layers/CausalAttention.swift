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

    /// joint queries, keys and values [n, q + 2 kv] -> output [n, q] and logSums [n, query heads].
    ///
    /// With `cached` keys and values [m, kv], a pair for each sequence, its queries are the last of m positions.
    func forward(joint: Matrix, cached: [(keys: Matrix, values: Matrix)], output: Matrix, logSums: Matrix) {
        let ownKeys = joint.columns(context.keyColumns)
        let ownValues = joint.columns(context.valueColumns)
        context.workspace.team.run { part in
            let attention = context.workspace.attention[part]
            var loaded = (sequence: -1, head: -1)
            for piece in context.pieces[part] {
                let sequence = context.sequences[piece.sequence]
                let range = sequence.rows
                let head = keyHead(of: piece.head)
                let own = columns(ofHead: piece.head)
                let (allKeys, allValues) = cached.isEmpty ? (ownKeys, ownValues) : cached[piece.sequence]
                let keys = allKeys.columns(columns(ofHead: head))
                let values = allValues.columns(columns(ofHead: head))
                let rows = cached.isEmpty ? range : 0..<keys.rows
                // One query against many keys, as in generation: reading the keys once beats packing them.
                if range.count == 1 && sequence.prefix.isEmpty {
                    attention.forwardRow(
                        query: joint.rows(range).columns(own), keys: keys.rows(rows), values: values.rows(rows),
                        output: output.rows(range).columns(own),
                        logSums: logSums.rows(range).columns(piece.head..<piece.head + 1), window: window)
                    continue
                }
                // The query heads of one key head come one after another, so that its keys are packed once for all.
                if loaded != (piece.sequence, head) {
                    load(keys, values, prefix: sequence.prefix, rows: rows, into: attention)
                    loaded = (piece.sequence, head)
                }
                attention.forward(
                    queries: joint.rows(range).columns(own), output: output.rows(range).columns(own),
                    logSums: logSums.rows(range).columns(piece.head..<piece.head + 1), rows: piece.rows,
                    window: window)
            }
        }
    }

    /// keys and values [n, head] of one head and sequence -> packed in `attention`: those of its `prefix` rows, then its
    /// own.
    private func load(
        _ keys: Matrix, _ values: Matrix, prefix: Range<Int>, rows: Range<Int>, into attention: HeadAttention,
        backward: Bool = false
    ) {
        if prefix.isEmpty {
            attention.load(keys: keys.rows(rows), values: values.rows(rows), backward: backward)
        } else {
            attention.load(
                prefix: (keys.rows(prefix), values.rows(prefix)), keys: keys.rows(rows), values: values.rows(rows),
                backward: backward)
        }
    }

    /// outputGradient [n, q] -> gradient of queries, keys and values [n, q + 2 kv], overwritten.
    ///
    /// Several query heads, and several parts, share one key head: every part adds to gradients of keys and values of its
    /// own, which `gather` adds up.
    func backward(joint: Matrix, output: Matrix, logSums: Matrix, outputGradient: Matrix, gradient: Matrix) {
        let rows = joint.rows
        context.workspace.team.run { part in
            let attention = context.workspace.attention[part]
            let shares = context.workspace.keyValueGradients[part].rows(0..<rows)
            // Query heads of one key head, and sequences that share a prefix, add to the same rows.
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
                        joint.columns(context.valueColumns).columns(columns(ofHead: head)), prefix: sequence.prefix,
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
                if sequence.prefix.isEmpty {
                    attention.backward(gradients, rows: piece.rows, window: window)
                } else {
                    attention.backward(
                        gradients, prefix: (keyShare.rows(sequence.prefix), valueShare.rows(sequence.prefix)),
                        rows: piece.rows, window: window)
                }
            }
        }
    }

    /// The parts' gradients of keys and values [n, 2 kv] -> their sum in the `rows` of `gradient`, in the parts' order.
    func gather(into gradient: Matrix, rows: Range<Int>) {
        // Keys and values lie side by side in the joint matrix, as in the shares.
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

    /// The heads of sequences of so many queries, dealt out to `parts` in runs of about equal work.
    ///
    /// - Parameter prefixes: how many keys of each sequence come before that of its first query: those of a shared prefix,
    ///   or of the tokens that are cached.
    package static func split(
        _ queries: [Int], heads: Int, prefixes: [Int], into parts: Int
    ) -> [[AttentionPiece]] {
        precondition(prefixes.count == queries.count, "one number a sequence")
        if parts == 1 {
            return [
                queries.indices.flatMap { sequence in
                    (0..<heads).map { AttentionPiece(sequence: sequence, head: $0, rows: 0..<queries[sequence]) }
                }
            ]
        }
        // A block's work is about that of its rows times the keys they see; the constant stands for what rows cost alone.
        func work(_ rows: Range<Int>, _ prefix: Int) -> Int {
            rows.count * (2 * prefix + rows.lowerBound + rows.upperBound + 64)
        }
        func blocks(_ count: Int) -> [Range<Int>] {
            stride(from: 0, to: count, by: HeadAttention.blockRows).map {
                $0..<min($0 + HeadAttention.blockRows, count)
            }
        }
        let total = zip(queries, prefixes).reduce(0) { sum, sequence in
            sum + heads * blocks(sequence.0).reduce(0) { $0 + work($1, sequence.1) }
        }
        var result = [[AttentionPiece]](repeating: [], count: parts)
        var sum = 0
        for (sequence, count) in queries.enumerated() {
            for head in 0..<heads {
                for rows in blocks(count) {
                    // A block belongs to the part in which its middle lies.
                    let work = work(rows, prefixes[sequence])
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
