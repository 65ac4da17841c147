/// Sequences laid one after another without padding, as the layers read them.
package struct PackedBatch {
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

    /// Groups sequences into passes of at most `limit` tokens that are as full as may be: the longest first, each into the
    /// fullest pass that has room (best fit). A longer sequence is a pass of its own. Gives their places, ascending.
    package static func fullPasses(over sequences: [TokenSequence], limit: Int) -> [[Int]] {
        let lengths = sequences.map(\.tokens.count)
        let order = lengths.indices.sorted { lengths[$0] != lengths[$1] ? lengths[$0] > lengths[$1] : $0 < $1 }
        var passes: [[Int]] = []
        // The passes that have room for so many tokens.
        var open = [[Int]](repeating: [], count: limit + 1)
        for place in order {
            let length = lengths[place]
            if length <= limit, let room = (length...limit).first(where: { !open[$0].isEmpty }) {
                let pass = open[room].removeLast()
                passes[pass].append(place)
                open[room - length].append(pass)
            } else {
                passes.append([place])
                if length < limit { open[limit - length].append(passes.count - 1) }
            }
        }
        return passes.map { $0.sorted() }
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
