package import Basics
package import Cryptography

/// Two manifests of one origin under one sequence number: proof for anyone that the origin said two things. Sequence
/// numbers grow with every contribution, so an honest origin never signs two manifests under one.
package struct EquivocationProof: Sendable, Hashable {
    /// The manifest with the lesser identifier.
    package let first: SignedManifest
    /// The other.
    package let second: SignedManifest

    /// The proof that two manifests make, in either order; nil if they make none.
    package init?(_ one: SignedManifest, _ other: SignedManifest) {
        guard one.manifest.swarm == other.manifest.swarm, one.manifest.origin == other.manifest.origin,
            one.manifest.sequence == other.manifest.sequence, one.id != other.id
        else { return nil }
        (first, second) = one.id < other.id ? (one, other) : (other, one)
    }

    /// Who said two things.
    package var origin: PeerID { first.manifest.origin }

    /// The bytes of the first signed manifest (16 bits), the first, the second: docs/protocol.md, "Proofs".
    package var encoded: [UInt8] {
        let (one, other) = (first.encoded, second.encoded)
        var bytes: [UInt8] = []
        bytes.append(integer: UInt16(one.count))
        return bytes + one + other
    }

    /// The proof that `bytes` hold, both signatures checked.
    ///
    /// - Throws: `ManifestError` for anything else.
    package init(encoded bytes: [UInt8]) throws(ManifestError) {
        var reader = ByteReader(bytes)
        guard let count = reader.integer(UInt16.self), let one = reader.bytes(count: Int(count)),
            let other = reader.bytes(count: reader.remaining)
        else { throw .truncated }
        // In the order of the identifiers only, so that a proof has one written form.
        guard let proof = EquivocationProof(try SignedManifest(encoded: one), try SignedManifest(encoded: other)),
            proof.first.encoded == one
        else { throw .noProof }
        self = proof
    }
}

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
