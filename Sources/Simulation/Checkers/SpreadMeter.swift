/// How far every peer's work spreads, and what that costs: which peers' adapters have gone into which, round by round.
///
/// A peer that mixes takes in what its partners had taken in when they published. The last delivery is when the last
/// adapter has a part of every peer's in it, counted in edges, one a round.
package struct SpreadMeter: Sendable {
    private let words: Int
    private let full: [UInt64]
    /// Whose work is in each peer's adapter, a bit each; and what was in what it published for its last mixing's round.
    private var held: [[UInt64]]
    private var published: [(round: Int, bits: [UInt64])]
    /// The mixings after which each peer had everything; nil before.
    private var fullAfter: [Int?]
    private var missing: Int
    /// Contributions that peers went on without.
    package private(set) var missed = 0
    /// Contributions taken in, and how many of them the peer had had before.
    package private(set) var received = 0
    package private(set) var repeated = 0
    /// The payload bytes of contributions taken in.
    private(set) var payloadBytes: UInt64 = 0

    package init(count: Int) {
        words = (count + 63) / 64
        var all = [UInt64](repeating: .max, count: words)
        if count % 64 != 0 { all[words - 1] = (1 << UInt64(count % 64)) - 1 }
        full = all
        held = (0..<count).map { peer in
            var bits = [UInt64](repeating: 0, count: (count + 63) / 64)
            bits[peer / 64] = 1 << UInt64(peer % 64)
            return bits
        }
        published = Array(repeating: (-1, []), count: count)
        fullAfter = Array(repeating: nil, count: count)
        missing = count
    }

    /// A peer took a contribution in.
    package mutating func took(byteCount: Int, isRepeated: Bool) {
        received += 1
        payloadBytes += UInt64(byteCount)
        if isRepeated { repeated += 1 }
    }

    /// A peer mixed its adapter with those of `partners` and went on without `absent` others.
    package mutating func mixed(_ peer: Int, round: Int, partners: [Int], absent: Int) {
        missed += absent
        guard missing > 0 else { return }
        published[peer] = (round, held[peer])
        guard fullAfter[peer] == nil else { return }
        for partner in partners {
            // A partner that has mixed this round already holds more than it had published for it.
            let bits = published[partner].round == round ? published[partner].bits : held[partner]
            for word in 0..<words { held[peer][word] |= bits[word] }
        }
        guard held[peer] == full else { return }
        fullAfter[peer] = round + 1
        missing -= 1
    }

    /// The edges over which the last of all work reached the last peer; nil where some never did.
    package var lastDeliveryHops: Int? { missing == 0 ? fullAfter.compactMap { $0 }.max() : nil }
}
