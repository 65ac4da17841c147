/// A digest of much, in pieces of any length: BLAKE2b-256 over the length of all (8 bytes, least significant first) and the
/// digests of its blocks of 64 KiB, the last of which may be shorter.
///
/// Blocks are hashed side by side (`Digest.ofPieces`), where one digest over all has to take its bytes one after the
/// other.
package struct BlockDigest: Sendable {
    /// Bytes of a block.
    package static let blockByteCount = 65_536
    /// Bytes that are kept until they are hashed together.
    private static let groupByteCount = 8 * blockByteCount

    private let personalisation: String
    private var digests: [UInt8] = []
    private var waiting: [UInt8] = []
    private var count = 0

    /// - Parameter personalisation: of the digest over the blocks' digests; theirs is `murmur-block`.
    package init(personalisation: String) {
        self.personalisation = personalisation
    }

    /// Takes in `bytes`.
    package mutating func update(_ bytes: ArraySlice<UInt8>) {
        count += bytes.count
        var rest = bytes
        while !rest.isEmpty {
            let part = rest.prefix(Self.groupByteCount - waiting.count)
            waiting += part
            rest = rest.dropFirst(part.count)
            if waiting.count == Self.groupByteCount { hashWaiting() }
        }
    }

    private mutating func hashWaiting() {
        let whole = waiting.count / Self.blockByteCount
        digests += Digest.ofPieces(
            waiting, at: (0..<whole).map { $0 * Self.blockByteCount }, byteCount: Self.blockByteCount,
            personalisation: "murmur-block")
        let hashed = whole * Self.blockByteCount
        if hashed < waiting.count {
            digests += Digest.of(waiting, range: hashed..<waiting.count, personalisation: "murmur-block")
        }
        waiting.removeAll(keepingCapacity: true)
    }

    /// The digest of all that was taken in. The value must not be used after.
    package mutating func finish() -> [UInt8] {
        hashWaiting()
        let length = (0..<8).map { UInt8(truncatingIfNeeded: count >> (8 * $0)) }
        return Digest.blake2b256(length + digests, personalisation: personalisation)
    }
}
