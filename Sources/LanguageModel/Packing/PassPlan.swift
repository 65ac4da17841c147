/// What one pass takes, in the order in which it is packed.
package struct PassPlan {
    /// The places of its sequences in the batch.
    package private(set) var places: [Int] = []
    /// For each of them the rows of the prefix that it shares with one before it; may be empty.
    private(set) var prefixes: [Range<Int>] = []
    /// Its rows.
    package private(set) var size = 0

    private var known = SharedPrefixes()

    private mutating func append(_ sequence: TokenSequence, place: Int, prefix: Range<Int>) {
        if prefix.isEmpty { known.append(sequence, at: size) }
        places.append(place)
        prefixes.append(prefix)
        size += sequence.tokens.count - prefix.count
    }

    /// Groups sequences into passes of at most `limit` rows that are as full as may be: the longest first, each into the
    /// pass that spares it most rows, the fullest of those that have room (best fit). A longer sequence is a pass of its
    /// own.
    package static func full(over sequences: [TokenSequence], limit: Int, isSharing: Bool) -> [PassPlan] {
        let lengths = sequences.map(\.tokens.count)
        // Equal lengths stay in the batch's order, so that a batch has one plan.
        let order = lengths.indices.sorted { lengths[$0] != lengths[$1] ? lengths[$0] > lengths[$1] : $0 < $1 }
        var passes: [PassPlan] = []
        for place in order {
            let (sequence, length) = (sequences[place], lengths[place])
            let longest = isSharing ? SharedPrefixes.longest(of: sequence) : 0
            var best: (pass: Int, prefix: Range<Int>)?
            // First the cheap bound: with all that could be shared at all, the sequence has to fit.
            for (number, pass) in passes.enumerated() where pass.size + length - longest <= limit {
                let prefix = pass.known.rows(for: sequence, longest: longest)
                guard pass.size + length - prefix.count <= limit else { continue }
                if let best, (best.prefix.count, passes[best.pass].size) >= (prefix.count, pass.size) {
                    continue
                }
                best = (number, prefix)
            }
            if best == nil { passes.append(PassPlan()) }
            let chosen = best ?? (passes.count - 1, 0..<0)
            passes[chosen.pass].append(sequence, place: place, prefix: chosen.prefix)
        }
        return passes
    }

    /// Cuts `sequences` into passes of at most `limit` rows, in order; a longer sequence is a pass of its own.
    package static func inOrder(over sequences: [TokenSequence], limit: Int, isSharing: Bool) -> [PassPlan] {
        var passes: [PassPlan] = []
        for (place, sequence) in sequences.enumerated() {
            let longest = isSharing ? SharedPrefixes.longest(of: sequence) : 0
            var prefix = passes.last?.known.rows(for: sequence, longest: longest) ?? 0..<0
            if (passes.last?.size ?? limit) + sequence.tokens.count - prefix.count > limit {
                passes.append(PassPlan())
                prefix = 0..<0
            }
            passes[passes.count - 1].append(sequence, place: place, prefix: prefix)
        }
        return passes
    }
}

/// The prefixes of a pass's sequences, so that one with the same prefix need not have those tokens computed again:
/// instructions mostly begin with the words of their template. A token's activations depend on the tokens before it
/// alone, so that they are the same in all sequences with that prefix, and its gradient is the sum of theirs.
struct SharedPrefixes {
    /// The fewest tokens that are worth sharing: attention has to collect keys and values from two places.
    static let least = 16

    private var leaders: [(tokens: [Int32], start: Int)] = []

    /// How many first tokens of `sequence` could be shared: as many as carry no loss and leave at least one token; none
    /// below `least`.
    static func longest(of sequence: TokenSequence) -> Int {
        // Row i predicts token i + 1.
        let firstLoss = sequence.lossMask.dropFirst().firstIndex(of: true) ?? sequence.tokens.count
        let longest = min(sequence.tokens.count, firstLoss) - 1
        return longest >= least ? longest : 0
    }

    /// The rows of the longest prefix, of at most `longest` tokens, that `sequence` has in common with a sequence of the
    /// pass; empty below `least`.
    func rows(for sequence: TokenSequence, longest: Int) -> Range<Int> {
        var best = 0..<0
        for leader in leaders {
            var count = 0
            while count < min(longest, leader.tokens.count), leader.tokens[count] == sequence.tokens[count] {
                count += 1
            }
            if count > best.count { best = leader.start..<leader.start + count }
        }
        return best.count >= Self.least ? best : 0..<0
    }

    /// Takes in a sequence whose tokens all have rows of their own, from `start` on. Only such sequences lead: rows of a
    /// prefix and of what follows it would lie in two places.
    mutating func append(_ sequence: TokenSequence, at start: Int) {
        leaders.append((sequence.tokens, start))
    }
}
