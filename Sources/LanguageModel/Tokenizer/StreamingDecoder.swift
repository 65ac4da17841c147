/// Turns tokens into text as they are generated, holding back bytes that are not a whole character yet.
///
/// As long as the tokens spell valid UTF-8, the parts together are what decoding all tokens at once gives. Each call
/// decodes all tokens again, since a decoder may look at any of them: meant for answers, not for books.
package struct StreamingDecoder: Sendable {
    private let tokenizer: Tokenizer
    private let skipsSpecialTokens: Bool
    private var tokens: [Int32] = []
    /// The number of bytes of text that have been given out.
    private var given = 0

    /// A decoder at the beginning of a text.
    package init(_ tokenizer: Tokenizer, skipsSpecialTokens: Bool = true) {
        self.tokenizer = tokenizer
        self.skipsSpecialTokens = skipsSpecialTokens
    }

    /// The text that has become certain with `token`: often its spelling, sometimes nothing yet.
    package mutating func append(_ token: Int32) -> String {
        tokens.append(token)
        return take(isLast: false)
    }

    /// What is left at the end of the tokens.
    package mutating func finish() -> String { take(isLast: true) }

    private mutating func take(isLast: Bool) -> String {
        var text = Array(tokenizer.decode(tokens, skipsSpecialTokens: skipsSpecialTokens).utf8)
        // A replacement character at the end may be the beginning of a character that is not whole yet.
        let replacement = Array("\u{fffd}".utf8)
        if !isLast {
            while text.suffix(replacement.count).elementsEqual(replacement) { text.removeLast(replacement.count) }
        }
        guard text.count > given else { return "" }
        let fresh = String(decoding: text[given...], as: UTF8.self)
        given = text.count
        return fresh
    }
}
