/// Sequences laid one after another without padding, as the layers read them.
struct PackedBatch {
    /// All tokens.
    private(set) var tokens: [Int32] = []
    /// Each token's position in its own sequence.
    private(set) var positions: [Int32] = []
    /// Where each sequence lies.
    private(set) var ranges: [Range<Int>] = []
    /// The rows whose output predicts a token that carries loss, ascending.
    private(set) var lossRows: [Int32] = []
    /// The token that each of those rows predicts.
    private(set) var labels: [Int32] = []
    /// How many loss rows each sequence has.
    private(set) var lossCounts: [Int] = []

    init(_ sequences: some Sequence<TokenSequence>) {
        for sequence in sequences {
            let start = tokens.count
            tokens.append(contentsOf: sequence.tokens)
            for index in sequence.tokens.indices {
                positions.append(Int32(index))
                if index > 0 && sequence.lossMask[index] {
                    lossRows.append(Int32(start + index - 1))
                    labels.append(sequence.tokens[index])
                }
            }
            ranges.append(start..<tokens.count)
            lossCounts.append(sequence.targetCount)
        }
    }

    /// Cuts `sequences` into runs of at most `limit` tokens, in order; a longer sequence is a run of its own.
    static func passes(over sequences: [TokenSequence], limit: Int) -> [Range<Int>] {
        var result: [Range<Int>] = []
        var start = 0
        var size = 0
        for (index, sequence) in sequences.enumerated() {
            if index > start && size + sequence.tokens.count > limit {
                result.append(start..<index)
                start = index
                size = 0
            }
            size += sequence.tokens.count
        }
        if start < sequences.count { result.append(start..<sequences.count) }
        return result
    }
}
