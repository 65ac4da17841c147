import Cryptography

/// How an object is cut into chunks of at most 1,130 bytes: first the list of its leaves' hashes, then the payload, 58
/// chunks a leaf, so that no chunk belongs to two leaves.
struct ChunkLayout: Sendable, Hashable {
    static let chunksPerLeaf =
        (WireConfiguration.leafByteCount + WireConfiguration.chunkByteCount - 1) / WireConfiguration.chunkByteCount

    /// Bytes of the payload.
    let payloadByteCount: Int

    /// Where a chunk lies.
    enum Place: Equatable {
        /// In the list of leaf hashes.
        case hashes(Range<Int>)
        /// In the payload's leaf with this number.
        case payload(Range<Int>, leaf: Int)
    }

    /// How many leaves there are.
    var leafCount: Int { MerkleTree.leafCount(byteCount: payloadByteCount) }
    /// Bytes of the list of leaf hashes.
    var hashByteCount: Int { leafCount * Digest.byteCount }
    /// Chunks of the list of leaf hashes.
    var hashChunkCount: Int {
        (hashByteCount + WireConfiguration.chunkByteCount - 1) / WireConfiguration.chunkByteCount
    }
    /// All chunks.
    var chunkCount: Int {
        guard leafCount > 0 else { return 0 }
        return hashChunkCount + (leafCount - 1) * Self.chunksPerLeaf + chunkCount(ofLeaf: leafCount - 1)
    }

    /// Where the leaf lies in the payload.
    func range(ofLeaf leaf: Int) -> Range<Int> {
        let start = leaf * WireConfiguration.leafByteCount
        return start..<min(payloadByteCount, start + WireConfiguration.leafByteCount)
    }

    /// Chunks of the leaf.
    func chunkCount(ofLeaf leaf: Int) -> Int {
        (range(ofLeaf: leaf).count + WireConfiguration.chunkByteCount - 1) / WireConfiguration.chunkByteCount
    }

    /// Where the chunk with `index` lies; nil if there is none.
    func place(ofChunk index: Int) -> Place? {
        guard index >= 0, index < chunkCount else { return nil }
        if index < hashChunkCount {
            let start = index * WireConfiguration.chunkByteCount
            return .hashes(start..<min(hashByteCount, start + WireConfiguration.chunkByteCount))
        }
        let (leaf, within) = (index - hashChunkCount).quotientAndRemainder(dividingBy: Self.chunksPerLeaf)
        let leafRange = range(ofLeaf: leaf)
        let start = leafRange.lowerBound + within * WireConfiguration.chunkByteCount
        return .payload(start..<min(leafRange.upperBound, start + WireConfiguration.chunkByteCount), leaf: leaf)
    }
}
