/// What one pass takes, in the order in which it is packed.
package struct PassPlan {
    /// The places of its sequences in the batch.
    package private(set) var places: [Int] = []
    /// For each of them the rows that it shares with one before it; may be empty.
    private(set) var shared: [Range<Int>] = []
    /// Its rows.
    package private(set) var size = 0

    private var beginnings = SharedBeginnings()

    private mutating func append(_ sequence: TokenSequence, place: Int, shared rows: Range<Int>) {
        if rows.isEmpty { beginnings.append(sequence, at: size) }
        places.append(place)
        shared.append(rows)
        size += sequence.tokens.count - rows.count
    }

    /// Groups sequences into passes of at most `limit` rows that are as full as may be: the longest first, each into the
    /// pass that spares it most rows, the fullest of those that have room (best fit). A longer sequence is a pass of its
    /// own.
    package static func full(over sequences: [TokenSequence], limit: Int, isSharing: Bool) -> [PassPlan] {
        let lengths = sequences.map(\.tokens.count)
        let order = lengths.indices.sorted { lengths[$0] != lengths[$1] ? lengths[$0] > lengths[$1] : $0 < $1 }
        var passes: [PassPlan] = []
        for place in order {
            let (sequence, length) = (sequences[place], lengths[place])
            let most = isSharing ? SharedBeginnings.most(of: sequence) : 0
            var best: (pass: Int, shared: Range<Int>)?
            for (number, pass) in passes.enumerated() where pass.size + length - most <= limit {
                let shared = pass.beginnings.rows(for: sequence, most: most)
                guard pass.size + length - shared.count <= limit else { continue }
                if let known = best, (known.shared.count, passes[known.pass].size) >= (shared.count, pass.size) {
                    continue
                }
                best = (number, shared)
            }
            if best == nil { passes.append(PassPlan()) }
            let chosen = best ?? (passes.count - 1, 0..<0)
            passes[chosen.pass].append(sequence, place: place, shared: chosen.shared)
        }
        return passes
    }

    /// Cuts `sequences` into passes of at most `limit` rows, in order; a longer sequence is a pass of its own.
    package static func inOrder(over sequences: [TokenSequence], limit: Int, isSharing: Bool) -> [PassPlan] {
        var passes: [PassPlan] = []
        for (place, sequence) in sequences.enumerated() {
            let most = isSharing ? SharedBeginnings.most(of: sequence) : 0
            var shared = passes.last?.beginnings.rows(for: sequence, most: most) ?? 0..<0
            if (passes.last?.size ?? limit) + sequence.tokens.count - shared.count > limit {
                passes.append(PassPlan())
                shared = 0..<0
            }
            passes[passes.count - 1].append(sequence, place: place, shared: shared)
        }
        return passes
    }
}
