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

extension BytePairModel {
    /// A merge that was possible when it was found.
    private struct Candidate {
        let rank: Int32
        /// The place of the left symbol.
        let place: Int32
        let result: Int32

        /// Whether this merge is made before `other`: by rank, then from the left.
        func precedes(_ other: Candidate) -> Bool { (rank, place) < (other.rank, other.place) }
    }

    /// Applies the merges, lowest rank first, from the left: a linked list of symbols and a heap of candidates, so that
    /// a text without word borders takes O(n log n).
    func merged(_ symbols: [Int32]) -> [Int32] {
        let count = symbols.count
        guard count > 1 else { return symbols }
        var tokens = symbols
        // Links to the neighbours; a symbol that was merged into its left neighbour has token -1.
        var next = (0..<count).map { $0 + 1 }
        var previous = (0..<count).map { $0 - 1 }
        var heap: [Candidate] = []
        func consider(_ left: Int, _ heap: inout [Candidate]) {
            guard left >= 0, next[left] < count,
                let merge = merges[Self.key(tokens[left], tokens[next[left]])]
            else { return }
            Self.push(Candidate(rank: merge.rank, place: Int32(left), result: merge.result), onto: &heap)
        }
        // Every pair of neighbours once; a merge then adds at most the two pairs that it makes.
        for left in 0..<count - 1 { consider(left, &heap) }
        while let candidate = Self.pop(from: &heap) {
            let left = Int(candidate.place)
            guard tokens[left] >= 0, next[left] < count else { continue }
            let right = next[left]
            // The candidate is out of date when one of its symbols has been merged since.
            guard merges[Self.key(tokens[left], tokens[right])]?.result == candidate.result else { continue }
            tokens[left] = candidate.result
            tokens[right] = -1
            next[left] = next[right]
            if next[left] < count { previous[next[left]] = left }
            consider(previous[left], &heap)
            consider(left, &heap)
        }
        return tokens.filter { $0 >= 0 }
    }

    private static func push(_ candidate: Candidate, onto heap: inout [Candidate]) {
        heap.append(candidate)
        var index = heap.count - 1
        while index > 0, heap[index].precedes(heap[(index - 1) / 2]) {
            heap.swapAt(index, (index - 1) / 2)
            index = (index - 1) / 2
        }
    }

    private static func pop(from heap: inout [Candidate]) -> Candidate? {
        guard let top = heap.first, let last = heap.popLast() else { return nil }
        if heap.isEmpty { return top }
        heap[0] = last
        var index = 0
        while true {
            var smallest = index
            for child in [2 * index + 1, 2 * index + 2] where child < heap.count {
                if heap[child].precedes(heap[smallest]) { smallest = child }
            }
            if smallest == index { return top }
            heap.swapAt(index, smallest)
            index = smallest
        }
    }
}
