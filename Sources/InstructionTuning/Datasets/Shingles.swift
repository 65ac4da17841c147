import Basics

/// How alike two texts are: the Jaccard index of their sets of shingles, which are runs of three words (Broder, 1997).
/// A text with fewer words is one shingle. Words are letters and digits in lower case; what stands between does not count.
struct Shingles: Sendable, Equatable {
    /// The words of a shingle.
    static let width = 3

    /// The shingles' hashes, ascending, each once; empty for a text without words.
    let hashes: [UInt64]

    /// The shingles of `texts`, one after the other; none reaches from one text into the next.
    init(of texts: [String]) {
        var all: [UInt64] = []
        for text in texts {
            let words = Self.words(of: text)
            for start in 0..<max(words.isEmpty ? 0 : 1, words.count - Self.width + 1) {
                var hash: UInt64 = 0
                for word in words[start..<min(words.count, start + Self.width)] {
                    hash = (hash ^ word) &* 0x9e37_79b9_7f4a_7c15
                    hash ^= hash >> 29
                }
                all.append(hash)
            }
        }
        all.sort()
        var unique: [UInt64] = []
        for hash in all where hash != unique.last { unique.append(hash) }
        hashes = unique
    }

    /// The hashes of a text's words, in their order.
    private static func words(of text: String) -> [UInt64] {
        var words: [UInt64] = []
        var word: [UInt8] = []
        func end() {
            guard !word.isEmpty else { return }
            var hash = FNV1a()
            hash.add(word)
            words.append(hash.value)
            word.removeAll(keepingCapacity: true)
        }
        for scalar in text.unicodeScalars {
            if scalar.isASCII {
                let byte = UInt8(scalar.value)
                switch byte {
                case 0x30...0x39, 0x61...0x7a: word.append(byte)
                case 0x41...0x5a: word.append(byte | 0x20)
                default: end()
                }
            } else if scalar.properties.isAlphabetic || scalar.properties.numericType != nil {
                word += Array(scalar.properties.lowercaseMapping.utf8)
            } else {
                end()
            }
        }
        end()
        return words
    }

    /// The share of the shingles of either that both have; 1 for two texts without words.
    func similarity(to other: Shingles) -> Double {
        var shared = 0, left = 0, right = 0
        while left < hashes.count, right < other.hashes.count {
            if hashes[left] == other.hashes[right] {
                shared += 1
                left += 1
                right += 1
            } else if hashes[left] < other.hashes[right] {
                left += 1
            } else {
                right += 1
            }
        }
        let all = hashes.count + other.hashes.count - shared
        return all == 0 ? 1 : Double(shared) / Double(all)
    }
}

/// Finds texts that are like one seen before, in time linear in their number: MinHash signatures in bands
/// (Leskovec, Rajaraman and Ullman, Mining of Massive Datasets, chapter 3).
///
/// Two texts share a bucket of a band where all hashes of the band agree. In each bucket the first text alone is kept, so a
/// text is compared with as many others as there are bands at most. With 28 bands of 4, texts of similarity 0.7 meet with
/// probability 0.9995, of 0.5 with 0.84, of 0.2 with 0.04. Who meets is then compared in full.
struct NearestTexts {
    static let bands = 28
    static let rows = 4
    /// From this similarity on, two texts are alike.
    static let threshold = 0.7

    private let factors: [(multiplier: UInt64, summand: UInt64)]
    private var buckets: [[UInt64: Int]]

    init() {
        // The same in every process, so that the same records give the same report.
        var generator = SeededGenerator(seed: 0, label: "shingles")
        factors = (0..<Self.bands * Self.rows).map { _ in (generator.next() | 1, generator.next()) }
        buckets = [[UInt64: Int]](repeating: [:], count: Self.bands)
    }

    /// The most similar of the texts kept so far that `text` meets, and how similar it is, where that is the threshold at
    /// least; the earlier of two that are equally similar.
    func nearest(to text: Shingles, shingles: (Int) -> Shingles) -> (index: Int, similarity: Double)? {
        var compared: Set<Int> = []
        var best: (index: Int, similarity: Double)?
        for (band, key) in keys(of: text).enumerated() {
            guard let index = buckets[band][key], compared.insert(index).inserted else { continue }
            let similarity = text.similarity(to: shingles(index))
            guard similarity >= Self.threshold else { continue }
            if best.map({ similarity > $0.similarity || similarity == $0.similarity && index < $0.index }) ?? true {
                best = (index, similarity)
            }
        }
        return best
    }

    /// Keeps the text with the number `index`.
    mutating func keep(_ text: Shingles, as index: Int) {
        for (band, key) in keys(of: text).enumerated() where buckets[band][key] == nil { buckets[band][key] = index }
    }

    /// The bucket of each band; none for a text without words.
    private func keys(of text: Shingles) -> [UInt64] {
        guard !text.hashes.isEmpty else { return [] }
        var least = [UInt64](repeating: .max, count: factors.count)
        for hash in text.hashes {
            for (place, factor) in factors.enumerated() {
                let value = (hash &* factor.multiplier &+ factor.summand) >> 16
                if value < least[place] { least[place] = value }
            }
        }
        return (0..<Self.bands).map { band in
            var key: UInt64 = 0xcbf2_9ce4_8422_2325
            for value in least[band * Self.rows..<(band + 1) * Self.rows] { key = (key ^ value) &* 0x100_0000_01b3 }
            return key
        }
    }
}
