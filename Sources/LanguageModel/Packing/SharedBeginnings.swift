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
