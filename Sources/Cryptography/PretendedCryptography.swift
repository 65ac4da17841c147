import Synchronization

/// Computations that take the place of signatures, key agreement and ciphers where a simulation has more peers than the real
/// ones leave time for. They have the real ones' lengths and catch what is altered by accident; against anyone who thinks
/// they protect nothing.
///
/// A process decides once, before it makes its first key, and cannot go back: a process that has a real key can never
/// pretend. Only `murmur simulate --crypto off` asks for it; a test keeps it so.
package enum PretendedCryptography {
    private enum Decision: Int {
        case open, real, pretended
    }

    private static let decision = Atomic<Int>(Decision.open.rawValue)

    /// Decides for pretence.
    ///
    /// - Returns: false if this process has used real cryptography already.
    package static func begin() -> Bool {
        let result = decision.compareExchange(
            expected: Decision.open.rawValue, desired: Decision.pretended.rawValue, ordering: .sequentiallyConsistent)
        return result.exchanged || result.original == Decision.pretended.rawValue
    }

    /// Whether this process pretends. The first question decides for real cryptography, unless `begin` came before.
    @inline(__always) static var isOn: Bool {
        let known = decision.load(ordering: .relaxed)
        if known == Decision.real.rawValue { return false }
        if known == Decision.pretended.rawValue { return true }
        let result = decision.compareExchange(
            expected: Decision.open.rawValue, desired: Decision.real.rawValue, ordering: .sequentiallyConsistent)
        return !result.exchanged && result.original == Decision.pretended.rawValue
    }

    /// A 64-bit sum over `bytes` that depends on all of them and on `seed`.
    static func sum(_ bytes: UnsafeRawBufferPointer, seed: UInt64) -> UInt64 {
        var sum = seed ^ UInt64(bytes.count) &* 0x9e37_79b9_7f4a_7c15
        var offset = 0
        while offset + 8 <= bytes.count {
            sum = (sum ^ bytes.loadUnaligned(fromByteOffset: offset, as: UInt64.self)) &* 0xff51_afd7_ed55_8ccd
            sum ^= sum >> 32
            offset += 8
        }
        while offset < bytes.count {
            sum = (sum ^ UInt64(bytes[offset])) &* 0xc4ce_b9fe_1a85_ec53
            offset += 1
        }
        return sum ^ sum >> 29
    }

    /// `count` bytes that follow from `bytes` and `seed`: a multiple of eight.
    static func expand(_ bytes: [UInt8], seed: UInt64 = 0, count: Int) -> [UInt8] {
        var word = bytes.withUnsafeBytes { sum($0, seed: seed) }
        var result: [UInt8] = []
        result.reserveCapacity(count)
        while result.count < count {
            word = (word ^ word >> 31) &* 0x9e37_79b9_7f4a_7c15 &+ 1
            for shift in stride(from: 0, to: 64, by: 8) {
                result.append(UInt8(truncatingIfNeeded: word >> UInt64(shift)))
            }
        }
        return result
    }

    /// What stands for the signature of `message`: anybody can make it.
    static func signature(of message: [UInt8], by publicKey: [UInt8]) -> [UInt8] {
        expand(message, seed: publicKey.withUnsafeBytes { sum($0, seed: 1) }, count: Signature.byteCount)
    }

    /// What two holders of exchange keys share: their public keys, which are the secret ones, bit by bit.
    static func sharedSecret(_ one: [UInt8], _ other: [UInt8]) -> [UInt8] { zip(one, other).map { $0 ^ $1 } }
}
