package import Basics
package import Cryptography

/// A peer's own word that its keys are no longer to be trusted: signed with the key that it revokes, for one swarm, for
/// good. Its owner makes it when the keys are made and keeps it elsewhere, or makes it when they are stolen; a thief who
/// makes it does himself harm only.
package struct Revocation: Sendable, Hashable {
    /// Bytes of a signed revocation.
    package static let byteCount = layoutByteCount + Signature.byteCount
    private static let layoutByteCount = 1 + 32 + PeerID.byteCount
    private static let version: UInt8 = 1
    private static let domain = Array("murmuration-revocation-v1\0".utf8)

    /// The swarm's identifier, 32 bytes.
    package let swarm: [UInt8]
    /// Whose keys are revoked.
    package let peer: PeerID
    /// Ed25519 over the domain prefix and the layout, 64 bytes.
    package let signature: [UInt8]

    /// The revocation of `key` in the swarm with the 32-byte identifier `swarm`.
    package init(of key: SigningKey, swarm: [UInt8]) {
        precondition(swarm.count == 32, "a swarm's identifier has 32 bytes")
        self.swarm = swarm
        peer = PeerID(bytes: key.publicKey)!
        signature = key.signature(of: Self.domain + [Self.version] + swarm + peer.bytes)
    }

    /// Version, swarm, identity, signature: docs/protocol.md, "Proofs".
    package var encoded: [UInt8] { [Self.version] + swarm + peer.bytes + signature }

    /// The revocation that `bytes` hold, its signature checked; nil for anything else.
    package init?(encoded bytes: [UInt8]) {
        guard bytes.count == Self.byteCount, bytes[0] == Self.version,
            let peer = PeerID(bytes: Array(bytes[33..<65]))
        else { return nil }
        let signature = Array(bytes[65...])
        guard Signature.isValid(signature, of: Self.domain + bytes[..<65], by: peer.bytes) else { return nil }
        swarm = Array(bytes[1..<33])
        self.peer = peer
        self.signature = signature
    }
}
