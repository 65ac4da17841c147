import Basics
import Cryptography

/// The BLAKE2b-256 hash tree over a payload's leaves of 64 KiB.
///
/// A leaf's hash is personalised `murmur-leaf`, a node's hash over its two children `murmur-node`; a level of odd length
/// hands its last hash on as it is. The root is personalised `murmur-root` and covers the payload's length and the top
/// of the tree, so that neither a leaf nor a node can pass for a root; a payload without bytes has no top.
package enum MerkleTree {
    /// How many leaves a payload of `byteCount` bytes has.
    package static func leafCount(byteCount: Int) -> Int {
        (byteCount + WireConfiguration.leafByteCount - 1) / WireConfiguration.leafByteCount
    }

    /// The hashes of some leaves of `payload`, by their numbers, 32 bytes each.
    static func leafHashes(of payload: [UInt8], leaves: [Int]) -> [UInt8] {
        let size = WireConfiguration.leafByteCount
        // Only the last leaf of a payload may be shorter than the others.
        let whole = payload.count / size
        let short = leaves.firstIndex { $0 >= whole }
        guard let short else {
            return Digest.ofPieces(
                payload, at: leaves.map { $0 * size }, byteCount: size, personalisation: "murmur-leaf")
        }
        var others = leaves
        others.remove(at: short)
        var hashes = leafHashes(of: payload, leaves: others)
        let hash = Digest.of(payload, range: whole * size..<payload.count, personalisation: "murmur-leaf")
        hashes.insert(contentsOf: hash, at: short * Digest.byteCount)
        return hashes
    }

    /// The leaf hashes of `payload` one after the other, 32 bytes each.
    package static func leafHashes(of payload: [UInt8]) -> [UInt8] {
        leafHashes(of: payload, leaves: Array(0..<leafCount(byteCount: payload.count)))
    }

    /// The root over a list of leaf hashes for a payload of `byteCount` bytes.
    package static func root(leafHashes: [UInt8], byteCount: Int) -> [UInt8] {
        var level = leafHashes
        while level.count > Digest.byteCount {
            var next: [UInt8] = []
            next.reserveCapacity(level.count / 2 + Digest.byteCount)
            for start in stride(from: 0, to: level.count, by: 2 * Digest.byteCount) {
                let end = min(level.count, start + 2 * Digest.byteCount)
                if end - start == Digest.byteCount {
                    next += level[start..<end]
                } else {
                    next += Digest.of(level, range: start..<end, personalisation: "murmur-node")
                }
            }
            level = next
        }
        var top: [UInt8] = []
        top.append(integer: UInt64(byteCount))
        return Digest.blake2b256(top + level, personalisation: "murmur-root")
    }

    /// The root over `payload`.
    package static func root(of payload: [UInt8]) -> [UInt8] {
        root(leafHashes: leafHashes(of: payload), byteCount: payload.count)
    }
}

/// A payload and the hashes of its leaves, so that they are computed once for the manifest and for serving it.
package struct HashedPayload: Sendable {
    package let bytes: [UInt8]
    /// The leaves' hashes one after the other, 32 bytes each.
    let leafHashes: [UInt8]

    /// Hashes the leaves of `bytes`.
    package init(_ bytes: [UInt8]) {
        self.bytes = bytes
        leafHashes = MerkleTree.leafHashes(of: bytes)
    }

    package var root: [UInt8] { MerkleTree.root(leafHashes: leafHashes, byteCount: bytes.count) }
}
