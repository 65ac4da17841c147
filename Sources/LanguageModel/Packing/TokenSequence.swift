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
