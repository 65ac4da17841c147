import Foundation

/// The project's source of randomness: xoshiro256** 1.0 (Blackman and Vigna, 2018), seeded through SplitMix64.
///
/// It is a value: whoever needs randomness takes it as an `inout` argument, so that one seed replays a run to the last
/// bit. Not for secrets: keys come from `Cryptography`.
package struct SeededGenerator: RandomNumberGenerator, Sendable, Hashable {
    /// The four words of state; saved and restored by checkpoints.
    package private(set) var state: (UInt64, UInt64, UInt64, UInt64) {
        get { (s0, s1, s2, s3) }
        set { (s0, s1, s2, s3) = newValue }
    }

    private var s0: UInt64
    private var s1: UInt64
    private var s2: UInt64
    private var s3: UInt64

    /// A generator for `seed`. Every seed, zero included, gives a valid state.
    package init(seed: UInt64) {
        var mixer = seed
        s0 = Self.splitMix(&mixer)
        s1 = Self.splitMix(&mixer)
        s2 = Self.splitMix(&mixer)
        s3 = Self.splitMix(&mixer)
    }

    /// A generator for one purpose of a seeded run, independent of those for other purposes: `label` (for example
    /// `"partition"`) and `index` (for example a peer's number) are folded into the seed by FNV-1a.
    package init(seed: UInt64, label: String, index: UInt64 = 0) {
        var hash = FNV1a()
        hash.fold(label.utf8)
        // FNV's high bits differ little between short labels; the mixer spreads them.
        var mixer = hash.value
        let purpose = Self.splitMix(&mixer)
        self.init(seed: seed ^ purpose ^ (index &* 0x9e37_79b9_7f4a_7c15))
    }

    /// A generator that goes on from a saved `state`; nil for the one invalid state, all zeros.
    package init?(state: (UInt64, UInt64, UInt64, UInt64)) {
        guard state != (0, 0, 0, 0) else { return nil }
        (s0, s1, s2, s3) = state
    }

    package mutating func next() -> UInt64 {
        let result = Self.rotate(s1 &* 5, by: 7) &* 9
        let shifted = s1 << 17
        s2 ^= s0
        s3 ^= s1
        s1 ^= s2
        s0 ^= s3
        s2 ^= shifted
        s3 = Self.rotate(s3, by: 45)
        return result
    }

    /// A number in [0, 1) with 53 random bits.
    package mutating func uniform() -> Double {
        Double(next() >> 11) * 0x1p-53
    }

    /// `count` numbers between -`bound` and `bound`, each from one draw of `uniform`. Here, as from other modules each draw
    /// would be a call.
    package mutating func floats(count: Int, within bound: Double) -> [Float] {
        var values = [Float](repeating: 0, count: count)
        for index in 0..<count { values[index] = Float((2 * uniform() - 1) * bound) }
        return values
    }

    private static func splitMix(_ state: inout UInt64) -> UInt64 {
        state &+= 0x9e37_79b9_7f4a_7c15
        var word = state
        word = (word ^ (word >> 30)) &* 0xbf58_476d_1ce4_e5b9
        word = (word ^ (word >> 27)) &* 0x94d0_49bb_1331_11eb
        return word ^ (word >> 31)
    }

    private static func rotate(_ word: UInt64, by count: UInt64) -> UInt64 {
        (word << count) | (word >> (64 - count))
    }
}

extension SeededGenerator {
    /// A sample of the standard normal distribution (Box–Muller; the second value of the pair is discarded so that the
    /// state alone determines what comes next).
    package mutating func normal() -> Double {
        let radius = (-2 * log(1 - uniform())).squareRoot()
        return radius * cos(2 * Double.pi * uniform())
    }

    /// A sample of Gamma(`shape`, 1) by Marsaglia and Tsang (2000), with their boost for shapes below one.
    package mutating func gamma(shape: Double) -> Double {
        precondition(shape > 0, "a gamma distribution's shape is positive")
        if shape < 1 {
            // 1 - uniform() is never zero, whose logarithm and negative powers are infinite.
            let boost = pow(1 - uniform(), 1 / shape)
            return gamma(shape: shape + 1) * boost
        }
        let d = shape - 1.0 / 3
        let c = 1 / (9 * d).squareRoot()
        while true {
            let x = normal()
            let v = (1 + c * x) * (1 + c * x) * (1 + c * x)
            guard v > 0 else { continue }
            let u = 1 - uniform()
            if log(u) < 0.5 * x * x + d - d * v + d * log(v) {
                return d * v
            }
        }
    }

    /// A sample of the symmetric Dirichlet distribution over `count` parts, each with concentration `alpha`.
    package mutating func dirichlet(count: Int, alpha: Double) -> [Double] {
        precondition(count > 0, "a Dirichlet distribution has at least one part")
        let draws = (0..<count).map { _ in gamma(shape: alpha) }
        let sum = draws.reduce(0, +)
        // With a tiny alpha all draws may underflow to zero: then one part takes all.
        guard sum > 0 else {
            let winner = Int.random(in: 0..<count, using: &self)
            return (0..<count).map { $0 == winner ? 1 : 0 }
        }
        return draws.map { $0 / sum }
    }
}
