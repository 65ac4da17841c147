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

/// What the sequences of a pass begin with, so that one that begins in the same way need not have those tokens computed
/// again: instructions mostly begin with the words of their template. A token's activations depend on the tokens before
/// it alone, so that they are the same in all sequences that begin so, and its gradient is the sum of theirs.
struct SharedBeginnings {
    /// The fewest tokens that are worth sharing: attention has to collect keys and values from two places.
    static let least = 16

    private var leaders: [(tokens: [Int32], start: Int)] = []

    /// How many first tokens of `sequence` could be shared: as many as carry no loss and leave at least one token; none
    /// below `least`.
    static func most(of sequence: TokenSequence) -> Int {
        // Row i predicts token i + 1.
        let firstLoss = sequence.lossMask.dropFirst().firstIndex(of: true) ?? sequence.tokens.count
        let most = min(sequence.tokens.count, firstLoss) - 1
        return most >= least ? most : 0
    }

    /// The rows of the longest beginning, of at most `most` tokens, that `sequence` has in common with a sequence of the
    /// pass; empty below `least`.
    func rows(for sequence: TokenSequence, most: Int) -> Range<Int> {
        var longest = 0..<0
        for leader in leaders {
            var count = 0
            while count < min(most, leader.tokens.count), leader.tokens[count] == sequence.tokens[count] { count += 1 }
            if count > longest.count { longest = leader.start..<leader.start + count }
        }
        return longest.count >= Self.least ? longest : 0..<0
    }

    /// Takes in a sequence whose tokens all have rows of their own, from `start` on.
    mutating func append(_ sequence: TokenSequence, at start: Int) {
        leaders.append((sequence.tokens, start))
    }
}
