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
        for (place, shared) in zip(plan.places, plan.shared) { append(sequences[place], shared: shared) }
    }

    /// Lays down the tokens of `sequence` but those that have the rows `shared`.
    private mutating func append(_ sequence: TokenSequence, shared: Range<Int>) {
        let start = tokens.count
        for index in sequence.tokens.indices.dropFirst(shared.count) {
            tokens.append(sequence.tokens[index])
            positions.append(Int32(index))
            if index + 1 < sequence.tokens.count && sequence.lossMask[index + 1] {
                lossRows.append(Int32(tokens.count - 1))
                labels.append(sequence.tokens[index + 1])
            }
        }
        sequences.append(PackedSequence(shared: shared, rows: start..<tokens.count))
        lossCounts.append(sequence.targetCount)
    }
}
