/// A sequence of tokens for the model, and which of them are to be predicted.
package struct TokenSequence: Sendable, Hashable {
    /// The token ids.
    package var tokens: [Int32]
    /// True where the token is a target that carries loss; as long as `tokens`. The first token has no predecessor and
    /// never carries loss, whatever its mask says.
    package var lossMask: [Bool]

    /// A sequence with a mask of the same length.
    package init(tokens: [Int32], lossMask: [Bool]) {
        precondition(tokens.count == lossMask.count, "a mask value for every token")
        self.tokens = tokens
        self.lossMask = lossMask
    }

    /// A sequence whose every token but the first carries loss.
    package init(tokens: [Int32]) {
        self.init(tokens: tokens, lossMask: tokens.indices.map { $0 > 0 })
    }

    /// The number of tokens that carry loss.
    package var targetCount: Int { lossMask.dropFirst().count { $0 } }
}

/// Sequences laid one after another without padding, as the layers read them.
package struct PackedBatch {
    /// All tokens that have a row.
    private(set) var tokens: [Int32] = []
    /// Each token's position in its own sequence.
    private(set) var positions: [Int32] = []
    /// Where each sequence lies.
    private(set) var sequences: [PackedSequence] = []
    /// The rows whose output predicts a token that carries loss, ascending.
    private(set) var lossRows: [Int32] = []
    /// The token that each of those rows predicts.
    private(set) var labels: [Int32] = []
    /// How many loss rows each sequence has.
    private(set) var lossCounts: [Int] = []

    /// The sequences of `sequences` that `plan` takes, as it says.
    init(_ sequences: [TokenSequence], plan: PassPlan) {
        for (place, prefix) in zip(plan.places, plan.prefixes) { append(sequences[place], prefix: prefix) }
    }

    /// Lays down the tokens of `sequence` but those that have the rows `prefix`.
    private mutating func append(_ sequence: TokenSequence, prefix: Range<Int>) {
        let start = tokens.count
        for index in sequence.tokens.indices.dropFirst(prefix.count) {
            tokens.append(sequence.tokens[index])
            positions.append(Int32(index))
            // A row's output predicts the token after it: the mask is that of the next token.
            if index + 1 < sequence.tokens.count && sequence.lossMask[index + 1] {
                lossRows.append(Int32(tokens.count - 1))
                labels.append(sequence.tokens[index + 1])
            }
        }
        sequences.append(PackedSequence(prefix: prefix, rows: start..<tokens.count))
        lossCounts.append(sequence.targetCount)
    }
}

/// Where one sequence of a pass lies.
struct PackedSequence {
    /// The rows of its first tokens, which it has in common with an earlier sequence of the pass, whose they are; may be
    /// empty.
    let prefix: Range<Int>
    /// The rows of its other tokens.
    let rows: Range<Int>

    /// The number of its tokens.
    var length: Int { prefix.count + rows.count }
}
