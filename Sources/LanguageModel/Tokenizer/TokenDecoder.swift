/// A step from tokens' spellings back to text.
indirect enum TokenDecoder: Sendable {
    /// Tokens spell bytes by GPT-2's alphabet.
    case byteLevel
    /// Replaces every occurrence of a string in each token.
    case replace([UInt8], by: [UInt8])
    /// Runs of tokens like `<0x0A>` become text, or replacement characters where they are no valid UTF-8.
    case byteFallback
    /// Joins all tokens into one.
    case fuse
    /// Takes up to so many copies of a character from the ends of each token.
    case strip([UInt8], start: Int, stop: Int)
    /// Metaspaces become spaces; those of the first token vanish where one was put in front.
    case metaspace(replacement: [UInt8], isPrefixed: Bool)
    case sequence([TokenDecoder])

    /// The spellings after this step.
    func apply(to tokens: [[UInt8]]) -> [[UInt8]] {
        switch self {
        case .byteLevel: [Self.repaired(tokens.flatMap { ByteAlphabet.bytes(of: $0) })]
        case .replace(let pattern, let content):
            tokens.map { TextNormalizer.replace(pattern, by: content, in: $0) }
        case .byteFallback: Self.decodeFallback(tokens)
        case .fuse: [tokens.flatMap { $0 }]
        case .strip(let content, let start, let stop):
            tokens.map { Self.strip($0, content, start: start, stop: stop) }
        case .metaspace(let replacement, let isPrefixed):
            tokens.enumerated().map { index, token in
                TextNormalizer.replace(replacement, by: index == 0 && isPrefixed ? [] : [0x20], in: token)
            }
        case .sequence(let steps): steps.reduce(tokens) { $1.apply(to: $0) }
        }
    }

    /// The byte that a token like `<0x0A>` stands for.
    static func fallbackByte(_ token: [UInt8]) -> UInt8? {
        guard token.count == 6, token.starts(with: "<0x".utf8), token[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: token[3..<5], as: UTF8.self), radix: 16)
    }

    private static func decodeFallback(_ tokens: [[UInt8]]) -> [[UInt8]] {
        var result: [[UInt8]] = []
        var run: [UInt8] = []
        func endRun() {
            guard !run.isEmpty else { return }
            if String(validating: run, as: UTF8.self) != nil {
                result.append(run)
            } else {
                result.append(contentsOf: run.map { _ in Array("\u{fffd}".utf8) })
            }
            run = []
        }
        for token in tokens {
            if let byte = fallbackByte(token) {
                run.append(byte)
            } else {
                endRun()
                result.append(token)
            }
        }
        endRun()
        return result
    }

    private static func strip(_ token: [UInt8], _ content: [UInt8], start: Int, stop: Int) -> [UInt8] {
        guard !content.isEmpty else { return token }
        var slice = token[...]
        var left = start
        while left > 0, slice.starts(with: content) {
            slice = slice.dropFirst(content.count)
            left -= 1
        }
        left = stop
        while left > 0, slice.count >= content.count, slice.suffix(content.count).elementsEqual(content) {
            slice = slice.dropLast(content.count)
            left -= 1
        }
        return Array(slice)
    }

    /// Valid UTF-8, with replacement characters where `bytes` is not.
    private static func repaired(_ bytes: [UInt8]) -> [UInt8] { Array(String(decoding: bytes, as: UTF8.self).utf8) }
}

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
        // Held back until the next token tells; at the end it is what it is.
        if !isLast {
            while text.suffix(replacement.count).elementsEqual(replacement) { text.removeLast(replacement.count) }
        }
        guard text.count > given else { return "" }
        let fresh = String(decoding: text[given...], as: UTF8.self)
        given = text.count
        return fresh
    }
}
