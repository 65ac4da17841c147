import Basics
import Cryptography

/// The name of an object: the BLAKE2b-256 digest of its manifest's layout (without the signature).
package struct ObjectID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Bytes of a name.
    package static let byteCount = Digest.byteCount

    /// The digest, 32 bytes.
    package let bytes: [UInt8]

    /// A name from its bytes; nil unless there are 32.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// 64 hexadecimal digits.
    package var description: String { bytes.hexadecimal }

    package static func < (left: ObjectID, right: ObjectID) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
