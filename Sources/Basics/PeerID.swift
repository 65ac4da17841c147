/// A peer's identity: its Ed25519 public key (RFC 8032), 32 bytes.
package struct PeerID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The number of bytes of an identity.
    package static let byteCount = 32

    /// The public key, always 32 bytes.
    package let bytes: [UInt8]

    /// An identity from a public key; nil unless there are 32 bytes.
    package init?(bytes: [UInt8]) {
        guard bytes.count == Self.byteCount else { return nil }
        self.bytes = bytes
    }

    /// An identity from its text form, 64 hexadecimal digits; nil for anything else.
    package init?(_ text: String) {
        guard let bytes = [UInt8](hexadecimal: text) else { return nil }
        self.init(bytes: bytes)
    }

    /// The text form: 64 lower-case hexadecimal digits.
    package var description: String { bytes.hexadecimal }

    /// The first eight digits, for people's eyes only.
    package var short: String { String(description.prefix(8)) }

    package static func < (left: PeerID, right: PeerID) -> Bool {
        left.bytes.lexicographicallyPrecedes(right.bytes)
    }
}
