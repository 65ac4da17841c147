/// The tokens of one record and which of them carry loss.
package struct TokenSequence: Sendable, Hashable {
    /// The tokens.
    package var tokens: [Int32]
    /// Whether the token at each position is a target that carries loss. The first is never predicted.
    package var lossMask: [Bool]

    package init(tokens: [Int32], lossMask: [Bool]) {
        precondition(tokens.count == lossMask.count, "a mask has an entry for every token")
        self.tokens = tokens
        self.lossMask = lossMask
    }
}
