/// FNV-1a over 64-bit words: a quick check word for what is compared on one machine. It is no protection against anyone
/// who wants to deceive; digests that others are shown come from `Cryptography`.
package enum WordHash {
    /// The hash of nothing: FNV's offset basis.
    package static let basis: UInt64 = 0xcbf2_9ce4_8422_2325

    /// `hash` with one word more.
    package static func fold(_ word: UInt64, into hash: UInt64) -> UInt64 { (hash ^ word) &* 0x0000_0100_0000_01b3 }

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
