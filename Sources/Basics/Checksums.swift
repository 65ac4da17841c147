/// The 64-bit FNV-1a hash of bytes (Fowler, Noll and Vo): it tells configurations apart and finds damage by accident; it
/// is no guard against malice.
package struct FNV1a: Sendable {
    /// The hash of what was added so far.
    package private(set) var value = Self.basis

    /// The hash of nothing: FNV's offset basis.
    static let basis: UInt64 = 0xcbf2_9ce4_8422_2325

    /// `hash` with one symbol more.
    static func fold(_ symbol: UInt64, into hash: UInt64) -> UInt64 { (hash ^ symbol) &* 0x0000_0100_0000_01b3 }

    package init() {}

    /// Adds the part of `bytes` at `range`, or all of them.
    package mutating func add(_ bytes: [UInt8], range: Range<Int>? = nil) {
        fold(bytes[range ?? 0..<bytes.count])
    }

    mutating func fold(_ bytes: some Sequence<UInt8>) {
        for byte in bytes { value = Self.fold(UInt64(byte), into: value) }
    }
}

/// FNV-1a over 64-bit words: a quick check word for what is compared on one machine. It is no protection against anyone
/// who wants to deceive; digests that others are shown come from `Cryptography`.
package enum WordHash {
    /// The hash of nothing: FNV's offset basis.
    package static let basis = FNV1a.basis

    /// `hash` with one word more.
    package static func fold(_ word: UInt64, into hash: UInt64) -> UInt64 { FNV1a.fold(word, into: hash) }

    /// The hash of a byte string, eight bytes a word.
    package static func of(_ bytes: [UInt8]) -> UInt64 {
        var hash = basis
        var word: UInt64 = 0
        for (index, byte) in bytes.enumerated() {
            word = word << 8 | UInt64(byte)
            if index & 7 == 7 {
                hash = fold(word, into: hash)
                // FNV's product carries a word's changes upwards only; this brings them down again.
                hash ^= hash >> 29
                word = 0
            }
        }
        return fold(word ^ UInt64(bytes.count), into: hash)
    }

    /// The hash of values, bit for bit.
    package static func of(_ values: [Float]) -> UInt64 {
        values.reduce(basis) { fold(UInt64($1.bitPattern), into: $0) }
    }
}
