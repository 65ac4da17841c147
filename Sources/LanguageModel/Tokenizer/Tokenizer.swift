import Synchronization

/// A byte-pair-encoding tokenizer as `tokenizer.json` describes it: text to token numbers and back.
///
/// It follows the `tokenizers` library step by step: added tokens are cut out, the text between them is normalised, cut
/// into words, and merges are applied to each word; special tokens are put around the result. It is immutable but for a
/// bounded memory of words, and may be used from any thread.
package final class Tokenizer: Sendable {
    /// The parts of a tokenizer, before they are put together.
    struct Parts: Sendable {
        var model: BytePairModel
        var added: [AddedToken] = []
        var normalizer: TextNormalizer?
        var preTokenizer: PreTokenizer?
        var decoder: TokenDecoder?
        /// Tokens put before and behind a text when special tokens are wanted.
        var prefix: [Int32] = []
        var suffix: [Int32] = []
    }

    /// The token that begins a text, for example `<s>`, if the model has one.
    package let beginOfSequence: Int32?
    /// The token that ends a text and an answer, for example `</s>`, if the model has one.
    package let endOfSequence: Int32?
    /// The largest token number. A model fits when its embedding has more rows than this.
    package let largestIdentifier: Int32
    /// The number of different tokens, added ones included.
    package let vocabularySize: Int

    private let parts: Parts
    private let spellings: [Int32: [UInt8]]
    private let special: Set<Int32>
    private let rawMatcher: AddedTokenMatcher
    private let normalizedMatcher: AddedTokenMatcher
    /// The tokens of words seen before; emptied when full. Longer words are rare and not kept.
    private let cache = Mutex<[[UInt8]: [Int32]]>([:])

    private static let cacheLimit = 16_384
    private static let cachedWordLimit = 48

    /// - Parameter landmarks: which tokens begin and end a text.
    init(_ parts: Parts, landmarks: SequenceLandmarks) {
        self.parts = parts
        var spellings: [Int32: [UInt8]] = [:]
        for (spelling, identifier) in parts.model.identifiers { spellings[identifier] = spelling }
        for token in parts.added {
            // The library spells a token that is searched for in normalised text as it is found there.
            let normalizer = token.isNormalized ? parts.normalizer : nil
            spellings[token.identifier] = normalizer?.apply(to: token.content) ?? token.content
        }
        self.spellings = spellings
        special = Set(parts.added.filter(\.isSpecial).map(\.identifier))
        rawMatcher = AddedTokenMatcher(parts.added.filter { !$0.isNormalized }.map { ($0.content, $0) })
        normalizedMatcher = AddedTokenMatcher(
            parts.added.filter(\.isNormalized).map { (parts.normalizer?.apply(to: $0.content) ?? $0.content, $0) })
        largestIdentifier = spellings.keys.max() ?? -1
        vocabularySize = spellings.count
        beginOfSequence = landmarks.begin
        endOfSequence = landmarks.end
    }

    /// The UTF-8 spelling of a token in the vocabulary's own alphabet; nil for a number without token.
    package func spelling(of token: Int32) -> [UInt8]? { spellings[token] }

    /// The token with exactly this spelling, added tokens first.
    package func token(spelled text: String) -> Int32? {
        let bytes = Array(text.utf8)
        return parts.added.first { $0.content == bytes }?.identifier ?? parts.model.identifiers[bytes]
    }

    /// Whether `token` is a special one, which marks structure and is left out of decoded text.
    package func isSpecial(_ token: Int32) -> Bool { special.contains(token) }

    /// The tokens of `text`.
    ///
    /// - Parameter addSpecialTokens: whether to put around it what the tokenizer's post-processor says, for example the
    ///   beginning of a sequence.
    package func encode(_ text: String, addSpecialTokens: Bool) -> [Int32] {
        var tokens = addSpecialTokens ? parts.prefix : []
        let bytes = Array(text.utf8)
        for part in rawMatcher.split(bytes) {
            switch part {
            case .token(let token): tokens.append(token)
            case .text(let range):
                encode(Array(bytes[range]), atStart: range.lowerBound == 0, into: &tokens)
            }
        }
        if addSpecialTokens { tokens.append(contentsOf: parts.suffix) }
        return tokens
    }

    /// Appends the tokens of text between added tokens that are found in raw text.
    private func encode(_ text: [UInt8], atStart: Bool, into tokens: inout [Int32]) {
        let normalized = parts.normalizer?.apply(to: text) ?? text
        for part in normalizedMatcher.split(normalized) {
            switch part {
            case .token(let token): tokens.append(token)
            case .text(let range):
                let piece = normalized[range]
                let isFirst = atStart && range.lowerBound == 0
                for word in parts.preTokenizer?.apply(to: [piece], atStart: isFirst) ?? [piece] where !word.isEmpty {
                    tokens.append(contentsOf: encode(word: word))
                }
            }
        }
    }

    private func encode(word: ArraySlice<UInt8>) -> [Int32] {
        // Long words are rare, and each would be kept for nothing.
        guard word.count <= Self.cachedWordLimit else { return parts.model.encode(word) }
        let key = Array(word)
        if let known = cache.withLock({ $0[key] }) { return known }
        let tokens = parts.model.encode(word)
        cache.withLock { cache in
            // Emptied, not aged: words are so unequally common that it is soon full of the right ones again.
            if cache.count >= Self.cacheLimit { cache.removeAll(keepingCapacity: true) }
            cache[key] = tokens
        }
        return tokens
    }

    /// The text of `tokens`. Bytes that are no valid UTF-8 become replacement characters; unknown numbers are left out.
    ///
    /// - Parameter skipsSpecialTokens: whether special tokens are left out.
    package func decode(_ tokens: [Int32], skipsSpecialTokens: Bool = true) -> String {
        var pieces: [[UInt8]] = []
        for token in tokens {
            if skipsSpecialTokens, special.contains(token) { continue }
            if let spelling = spellings[token] { pieces.append(spelling) }
        }
        guard let decoder = parts.decoder else {
            // Without a decoder the library puts spaces between tokens.
            return String(decoding: Array(pieces.joined(separator: [0x20])), as: UTF8.self)
        }
        return String(decoding: Array(decoder.apply(to: pieces).joined()), as: UTF8.self)
    }
}
