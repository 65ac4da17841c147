package import Basics

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
        guard let proof = EquivocationProof(try SignedManifest(encoded: one), try SignedManifest(encoded: other)),
            proof.first.encoded == one
        else { throw .noProof }
        self = proof
    }
}
