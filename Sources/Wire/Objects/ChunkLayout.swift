import Cryptography

/// How an object is cut into chunks of 128 bytes: first the list of its leaves' hashes, then the payload; the last chunk
/// of each may be shorter. 512 chunks make a leaf, so that no chunk belongs to two. Packets carry runs of them, as long as
/// the path allows.
struct ChunkLayout: Sendable, Hashable {
    static let chunksPerLeaf = WireConfiguration.leafByteCount / WireConfiguration.chunkByteCount

    let payloadByteCount: Int

    /// Where a run of chunks lies.
    enum Place: Equatable {
        /// In the list of leaf hashes.
        case hashes(Range<Int>)
        /// In the payload.
        case payload(Range<Int>)

        /// Bytes of the run.
        var byteCount: Int {
            switch self {
            case .hashes(let range), .payload(let range): range.count
            }
        }
    }

    /// How many leaves there are.
    var leafCount: Int { MerkleTree.leafCount(byteCount: payloadByteCount) }
    /// Bytes of the list of leaf hashes.
    var hashByteCount: Int { leafCount * Digest.byteCount }
    /// Chunks of the list of leaf hashes.
    var hashChunkCount: Int { Self.chunks(hashByteCount) }
    /// All chunks.
    var chunkCount: Int { hashChunkCount + Self.chunks(payloadByteCount) }

    /// Where the leaf lies in the payload.
    func range(ofLeaf leaf: Int) -> Range<Int> {
        let start = leaf * WireConfiguration.leafByteCount
        return start..<min(payloadByteCount, start + WireConfiguration.leafByteCount)
    }

    /// Where some leaves that follow each other lie in the payload.
    func bytes(ofLeaves leaves: Range<Int>) -> Range<Int> {
        let size = WireConfiguration.leafByteCount
        return min(payloadByteCount, leaves.lowerBound * size)..<min(payloadByteCount, leaves.upperBound * size)
    }

    /// The chunks of some leaves that follow each other.
    func chunks(ofLeaves leaves: Range<Int>) -> Range<Int> {
        let first = min(chunkCount, hashChunkCount + leaves.lowerBound * Self.chunksPerLeaf)
        return first..<min(chunkCount, hashChunkCount + leaves.upperBound * Self.chunksPerLeaf)
    }

    func chunkCount(ofLeaf leaf: Int) -> Int { Self.chunks(range(ofLeaf: leaf).count) }

    /// The chunks of a part: part 0 is the list of leaf hashes, part k + 1 is leaf k.
    func chunks(ofPart part: Int) -> Range<Int> {
        guard part > 0 else { return 0..<hashChunkCount }
        let start = hashChunkCount + (part - 1) * Self.chunksPerLeaf
        return start..<start + chunkCount(ofLeaf: part - 1)
    }

    /// Which part a chunk belongs to.
    func part(ofChunk index: Int) -> Int {
        index < hashChunkCount ? 0 : (index - hashChunkCount) / Self.chunksPerLeaf + 1
    }

    /// Where the chunks of `run` lie; nil if there are none such, or if they lie partly in the list, partly in the payload.
    func place(ofRun run: Range<Int>) -> Place? {
        guard !run.isEmpty, run.lowerBound >= 0, run.upperBound <= chunkCount else { return nil }
        let border = hashChunkCount
        let size = WireConfiguration.chunkByteCount
        if run.upperBound <= border {
            return .hashes(run.lowerBound * size..<min(hashByteCount, run.upperBound * size))
        }
        guard run.lowerBound >= border else { return nil }
        return .payload(
            (run.lowerBound - border) * size..<min(payloadByteCount, (run.upperBound - border) * size))
    }

    /// The first chunks of `run`, as many as fit into `capacity` bytes and lie in one place; empty if none does.
    func fitting(_ run: Range<Int>, capacity: Int) -> Range<Int> {
        let border = hashChunkCount
        let end = run.lowerBound < border ? min(run.upperBound, border) : run.upperBound
        let count = min(end - run.lowerBound, max(0, capacity / WireConfiguration.chunkByteCount))
        return run.lowerBound..<run.lowerBound + count
    }

    /// Calls `body` with every word of a bitmap with a bit for each chunk that the run touches, and the bits of the run in it.
    static func forEachWord(of run: Range<Int>, _ body: (Int, UInt64) -> Void) {
        var start = run.lowerBound
        while start < run.upperBound {
            let end = min(run.upperBound, (start / 64 + 1) * 64)
            let ones = end - start == 64 ? UInt64.max : (1 << UInt64(end - start)) - 1
            body(start / 64, ones << UInt64(start % 64))
            start = end
        }
    }

    private static func chunks(_ byteCount: Int) -> Int {
        (byteCount + WireConfiguration.chunkByteCount - 1) / WireConfiguration.chunkByteCount
    }
}
