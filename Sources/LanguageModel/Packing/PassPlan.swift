/// One pass in the making: which sequences it takes, in the order in which they are packed.
package struct PassPlan {
    /// The places of its sequences in the batch.
    package private(set) var places: [Int] = []
    /// Its rows.
    package private(set) var size = 0

    private let isSharing: Bool
    private var beginnings = SharedBeginnings()

    private init(isSharing: Bool) {
        self.isSharing = isSharing
    }

    /// The rows of `sequence` that the pass has already.
    private func shared(_ sequence: TokenSequence) -> Int { isSharing ? beginnings.rows(for: sequence).count : 0 }

    private mutating func append(_ sequence: TokenSequence, place: Int, shared: Int) {
        if isSharing && shared == 0 { beginnings.append(sequence, at: size) }
        places.append(place)
        size += sequence.tokens.count - shared
    }

    /// Groups sequences into passes of at most `limit` rows that are as full as may be: the longest first, each into the
    /// pass that spares it most rows, the fullest of those that have room (best fit). A longer sequence is a pass of its
    /// own.
    package static func full(over sequences: [TokenSequence], limit: Int, isSharing: Bool) -> [PassPlan] {
        let lengths = sequences.map(\.tokens.count)
        let order = lengths.indices.sorted { lengths[$0] != lengths[$1] ? lengths[$0] > lengths[$1] : $0 < $1 }
        var passes: [PassPlan] = []
        for place in order {
            var best: (pass: Int, shared: Int)?
            for (number, pass) in passes.enumerated() where pass.size < limit {
                let shared = pass.shared(sequences[place])
                guard pass.size + lengths[place] - shared <= limit else { continue }
                if let known = best, (known.shared, passes[known.pass].size) >= (shared, pass.size) { continue }
                best = (number, shared)
            }
            if best == nil { passes.append(PassPlan(isSharing: isSharing)) }
            let chosen = best ?? (passes.count - 1, 0)
            passes[chosen.pass].append(sequences[place], place: place, shared: chosen.shared)
        }
        return passes
    }

    /// Cuts `sequences` into passes of at most `limit` rows, in order; a longer sequence is a pass of its own.
    package static func inOrder(over sequences: [TokenSequence], limit: Int, isSharing: Bool) -> [PassPlan] {
        var passes: [PassPlan] = []
        for (place, sequence) in sequences.enumerated() {
            var shared = passes.last?.shared(sequence) ?? 0
            if (passes.last?.size ?? limit) + sequence.tokens.count - shared > limit {
                passes.append(PassPlan(isSharing: isSharing))
                shared = 0
            }
            passes[passes.count - 1].append(sequence, place: place, shared: shared)
        }
        return passes
    }
}
