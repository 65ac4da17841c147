/// Byte-pair encoding (Sennrich et al., 2016): a vocabulary and ranked merges of two tokens into one.
struct BytePairModel: Sendable {
    /// What a pair of tokens becomes.
    struct Merge: Sendable {
        /// Its place in the list of merges; lower goes first.
        let rank: Int32
        /// The merged token.
        let result: Int32
    }

    /// The number of each token by its spelling.
    let identifiers: [[UInt8]: Int32]
    /// The merges by `key(left, right)`.
    let merges: [UInt64: Merge]
    /// In a byte-level vocabulary the token of each byte, or -1; nil where the symbols are characters.
    let byteTokens: [Int32]?
    /// For characters outside the vocabulary: the token of each byte, or nil where there is no byte fallback.
    let fallbackTokens: [Int32]?
    /// The token for what nothing else spells, if there is one.
    let unknown: Int32?
    /// Whether neighbouring unknown characters are one token.
    let fusesUnknown: Bool
    /// Whether a word that is a token is that token, whatever the merges say.
    let ignoresMerges: Bool

    static func key(_ left: Int32, _ right: Int32) -> UInt64 {
        UInt64(UInt32(bitPattern: left)) << 32 | UInt64(UInt32(bitPattern: right))
    }

    /// The tokens of one word, valid UTF-8.
    func encode(_ word: ArraySlice<UInt8>) -> [Int32] {
        if ignoresMerges, let whole = identifiers[spelling(of: word)] { return [whole] }
        return merged(symbols(of: word))
    }

    private func spelling(of word: ArraySlice<UInt8>) -> [UInt8] {
        byteTokens == nil ? Array(word) : word.flatMap { ByteAlphabet.spelling[Int($0)] }
    }

    /// The tokens that a word consists of before any merge. A symbol without token vanishes.
    private func symbols(of word: ArraySlice<UInt8>) -> [Int32] {
        var symbols: [Int32] = []
        symbols.reserveCapacity(word.count)
        var lastIsUnknown = false
        func appendUnknown(_ symbols: inout [Int32]) {
            guard let unknown else { return }
            if !(fusesUnknown && lastIsUnknown) { symbols.append(unknown) }
            lastIsUnknown = true
        }
        if let byteTokens {
            for byte in word {
                let token = byteTokens[Int(byte)]
                if token < 0 {
                    appendUnknown(&symbols)
                } else {
                    symbols.append(token)
                    lastIsUnknown = false
                }
            }
            return symbols
        }
        var index = word.startIndex
        while index < word.endIndex {
            let end = min(word.endIndex, index + ScalarText.length(lead: word[index]))
            let character = word[index..<end]
            index = end
            if let token = identifiers[Array(character)] {
                symbols.append(token)
                lastIsUnknown = false
            } else if let fallbackTokens, character.allSatisfy({ fallbackTokens[Int($0)] >= 0 }) {
                symbols.append(contentsOf: character.map { fallbackTokens[Int($0)] })
                lastIsUnknown = false
            } else {
                appendUnknown(&symbols)
            }
        }
        return symbols
    }
}
