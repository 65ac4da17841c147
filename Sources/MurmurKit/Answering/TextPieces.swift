/// Makes text of tokens as they come, in pieces that together are the text of all tokens.
///
/// A token may be a part of a character, and a tokenizer may treat the first token in its own way. So all tokens are
/// decoded each time, and what is new is handed on, but not while it ends in the middle of a character. They are decoded
/// only when a sixty-fourth part has come since the last time: the work then grows with the text and not with its square.
package struct TextPieces {
    private let decode: ([Int32]) -> String
    private var tokens: [Int32] = []
    /// What was handed on.
    private var given = ""
    private var decodedCount = 0

    /// Pieces of what `decode` makes of tokens.
    package init(decode: @escaping ([Int32]) -> String) {
        self.decode = decode
    }

    /// The text that has become certain with one token more; nil where there is none.
    package mutating func add(_ token: Int32) -> String? {
        tokens.append(token)
        guard tokens.count - decodedCount >= max(1, tokens.count / 64) else { return nil }
        let text = decode(tokens)
        decodedCount = tokens.count
        // The replacement character stands for a character that is not whole yet.
        guard !text.hasSuffix("\u{fffd}"), text.utf8.starts(with: given.utf8) else { return nil }
        return rest(of: text)
    }

    /// What is left after the last token; nil where there is nothing.
    package mutating func finish() -> String? { rest(of: decode(tokens)) }

    private mutating func rest(of text: String) -> String? {
        let known = zip(text.utf8, given.utf8).prefix { $0 == $1 }.count
        guard known < text.utf8.count else { return nil }
        given = text
        return String(decoding: text.utf8.dropFirst(known), as: UTF8.self)
    }
}
