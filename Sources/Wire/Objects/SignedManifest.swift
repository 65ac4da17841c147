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

/// What is wrong with a manifest's bytes.
package enum ManifestError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The first byte is not 1.
    case unknownVersion
    /// The bytes end too early.
    case truncated
    /// Bytes follow the end.
    case trailingBytes
    /// More than 1 GiB.
    case payloadTooLarge
    /// The number of leaves does not fit the payload's size.
    case leafCount
    /// More than 512 bytes of status.
    case statusTooLarge
    /// It is of another swarm, or of a peer that is not known here.
    case foreign
    /// The signature is not the origin's.
    case signature
    /// Two manifests that do not contradict each other, or not in the order of their identifiers.
    case noProof

    package var description: String {
        switch self {
        case .unknownVersion: "the manifest has an unknown version: the peer that made it runs another release"
        case .truncated: "the manifest ends too early"
        case .trailingBytes: "bytes follow the manifest's end"
        case .payloadTooLarge: "the manifest's payload is larger than 1 GiB"
        case .leafCount: "the manifest's number of leaves does not fit its payload's size"
        case .statusTooLarge: "the manifest's status is larger than 512 bytes"
        case .foreign: "the manifest is of another swarm or of an unknown peer"
        case .signature: "the manifest's signature is not its origin's"
        case .noProof: "the two manifests do not contradict each other"
        }
    }
}
