package import Cryptography
import Overlay

/// A manifest with its origin's signature: any peer may pass it on, and anyone can check who made it.
package struct SignedManifest: Sendable, Hashable {
    /// What is signed.
    package let manifest: ContributionManifest
    /// Ed25519 over the domain prefix and the manifest's layout, 64 bytes.
    package let signature: [UInt8]
    /// The object's name.
    package let id: ObjectID

    /// What is signed begins with this, so that a signature cannot pass for one over anything else.
    static let domain = Array("murmuration-manifest-v1\0".utf8)

    /// The manifest signed with its origin's `key`. The key must be the origin's.
    package init(_ manifest: ContributionManifest, signedWith key: SigningKey) {
        precondition(key.publicKey == manifest.origin.bytes, "a manifest is signed by its origin")
        let bytes = manifest.encoded
        self.manifest = manifest
        signature = key.signature(of: Self.domain + bytes)
        id = ObjectID(bytes: Digest.blake2b256(bytes, personalisation: "murmur-object"))!
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
        self.manifest = manifest
        self.signature = signature
        id = ObjectID(bytes: Digest.blake2b256(layout, personalisation: "murmur-object"))!
    }
}
