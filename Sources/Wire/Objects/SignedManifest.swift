import Basics
package import Cryptography

/// A manifest with its origin's signature: any peer may pass it on, and anyone can check who made it.
///
/// It never changes and lies in many tables at once: its parts are stored once, behind one reference.
package struct SignedManifest: Sendable, Hashable {
    private final class Parts: Sendable {
        let manifest: ContributionManifest
        let signature: [UInt8]
        let id: ObjectID

        init(_ manifest: ContributionManifest, signature: [UInt8], layout: [UInt8]) {
            self.manifest = manifest
            self.signature = signature
            id = ObjectID(bytes: Digest.blake2b256(layout, personalisation: "murmur-object"))!
        }
    }

    private let parts: Parts

    /// What is signed.
    package var manifest: ContributionManifest { parts.manifest }
    /// Ed25519 over the domain prefix and the manifest's layout, 64 bytes.
    package var signature: [UInt8] { parts.signature }
    /// The object's name.
    package var id: ObjectID { parts.id }

    package static func == (left: SignedManifest, right: SignedManifest) -> Bool {
        left.parts === right.parts
            || left.parts.id == right.parts.id && left.parts.manifest == right.parts.manifest
                && left.parts.signature == right.parts.signature
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(parts.id) }

    /// What is signed begins with this, so that a signature cannot pass for one over anything else.
    static let domain = Array("murmuration-manifest-v1\0".utf8)

    /// The manifest signed with its origin's `key`. The key must be the origin's.
    package init(_ manifest: ContributionManifest, signedWith key: SigningKey) {
        precondition(key.publicKey == manifest.origin.bytes, "a manifest is signed by its origin")
        let bytes = manifest.encoded
        parts = Parts(manifest, signature: key.signature(of: Self.domain + bytes), layout: bytes)
    }

    /// The manifest's layout and the signature: what an OFFER carries, and what may be stored.
    package var encoded: [UInt8] { manifest.encoded + signature }

    /// The signed manifest that `bytes` hold, its signature checked.
    ///
    /// - Parameter known: is asked before the signature is checked, which is most of the work. It gives a manifest that was
    ///   checked before and may be the same one, or throws where the manifest is of no use.
    /// - Throws: `ManifestError` for anything else.
    package init(
        encoded bytes: [UInt8], known: (ContributionManifest) throws(ManifestError) -> SignedManifest? = { _ in nil }
    ) throws(ManifestError) {
        guard bytes.count > Signature.byteCount else { throw .truncated }
        let layout = Array(bytes.dropLast(Signature.byteCount))
        let signature = Array(bytes.suffix(Signature.byteCount))
        let manifest = try ContributionManifest(encoded: layout)
        if let known = try known(manifest), known.manifest == manifest, known.signature == signature {
            self = known
            return
        }
        guard Signature.isValid(signature, of: Self.domain + layout, by: manifest.origin.bytes) else {
            throw .signature
        }
        parts = Parts(manifest, signature: signature, layout: layout)
    }
}
