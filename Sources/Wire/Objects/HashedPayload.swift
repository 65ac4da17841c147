/// A payload and the hashes of its leaves, so that they are computed once for the manifest and for serving it.
package struct HashedPayload: Sendable {
    /// The bytes.
    package let bytes: [UInt8]
    /// The leaves' hashes one after the other, 32 bytes each.
    let leafHashes: [UInt8]

    /// Hashes the leaves of `bytes`.
    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        leafHashes = MerkleTree.leafHashes(of: bytes)
    }

    /// The hash tree's root.
    package var root: [UInt8] { MerkleTree.root(leafHashes: leafHashes, byteCount: bytes.count) }
}
