import Cryptography
import Overlay

/// An object on its way to us: what has arrived, and which of its leaves are verified.
struct InboundTransfer: Sendable {
    /// The handle that we chose.
    let handle: UInt32
    let manifest: SignedManifest
    let layout: ChunkLayout
    /// The last time that something new arrived.
    var progress: MonotonicTime
    /// The last time that it was asked for.
    var asked: MonotonicTime

    private(set) var payload: [UInt8]
    private var hashes: [UInt8]
    private var missing: [UInt64]
    private var missingHashChunks: Int
    private var missingChunksOfLeaf: [UInt8]
    private var unverifiedLeaves: Int

    /// What a chunk did.
    enum Outcome: Equatable {
        /// It was there before, or is none of this object.
        case unwanted
        /// It is new.
        case progress
        /// It was the last: the payload is whole and verified.
        case complete
        /// The list of hashes or a leaf is not the manifest's: the peer served something else.
        case corrupt
    }

    /// Memory for the whole payload is taken at once; the caller has checked the limits.
    init(handle: UInt32, manifest: SignedManifest, at time: MonotonicTime) {
        self.handle = handle
        self.manifest = manifest
        layout = ChunkLayout(payloadByteCount: manifest.manifest.payloadByteCount)
        progress = time
        asked = time
        payload = [UInt8](repeating: 0, count: layout.payloadByteCount)
        hashes = [UInt8](repeating: 0, count: layout.hashByteCount)
        let count = layout.chunkCount
        missing = [UInt64](repeating: .max, count: (count + 63) / 64)
        if count % 64 != 0 { missing[count / 64] = (1 << UInt64(count % 64)) - 1 }
        missingHashChunks = layout.hashChunkCount
        let shape = layout
        missingChunksOfLeaf = (0..<shape.leafCount).map { UInt8(shape.chunkCount(ofLeaf: $0)) }
        unverifiedLeaves = layout.leafCount
    }

    /// Whether nothing is missing: at once for a payload without bytes.
    var isComplete: Bool { unverifiedLeaves == 0 }

    /// Takes in the chunk that lies in `packet` at `range`.
    mutating func receive(index: UInt32, packet: [UInt8], range: Range<Int>, at time: MonotonicTime) -> Outcome {
        guard let place = layout.place(ofChunk: Int(index)) else { return .unwanted }
        let word = Int(index / 64)
        let bit: UInt64 = 1 << UInt64(index % 64)
        guard missing[word] & bit != 0 else { return .unwanted }
        switch place {
        case .hashes(let target):
            guard target.count == range.count else { return .unwanted }
            hashes.overwrite(at: target.lowerBound, with: packet, range: range)
            missing[word] &= ~bit
            missingHashChunks -= 1
            progress = time
            return missingHashChunks == 0 ? verifyHashes() : .progress
        case .payload(let target, let leaf):
            guard target.count == range.count else { return .unwanted }
            payload.overwrite(at: target.lowerBound, with: packet, range: range)
            missing[word] &= ~bit
            missingChunksOfLeaf[leaf] -= 1
            progress = time
            guard missingChunksOfLeaf[leaf] == 0, missingHashChunks == 0 else { return .progress }
            return verify(leaf: leaf)
        }
    }

    /// The first ranges of chunks that are missing, at most `limit`.
    func missingRanges(limit: Int) -> [Range<UInt32>] {
        var ranges: [Range<UInt32>] = []
        var start: Int?
        for index in 0..<layout.chunkCount {
            if missing[index / 64] & (1 << UInt64(index % 64)) != 0 {
                start = start ?? index
            } else if let first = start {
                ranges.append(UInt32(first)..<UInt32(index))
                start = nil
                if ranges.count == limit { return ranges }
            }
        }
        if let first = start { ranges.append(UInt32(first)..<UInt32(layout.chunkCount)) }
        return ranges
    }

    private mutating func verifyHashes() -> Outcome {
        guard MerkleTree.root(leafHashes: hashes, byteCount: layout.payloadByteCount) == manifest.manifest.root else {
            return .corrupt
        }
        for leaf in 0..<layout.leafCount where missingChunksOfLeaf[leaf] == 0 {
            if verify(leaf: leaf) == .corrupt { return .corrupt }
        }
        return isComplete ? .complete : .progress
    }

    private mutating func verify(leaf: Int) -> Outcome {
        let expected = hashes[leaf * Digest.byteCount..<(leaf + 1) * Digest.byteCount]
        guard MerkleTree.leafHash(payload, range: layout.range(ofLeaf: leaf)).elementsEqual(expected) else {
            return .corrupt
        }
        unverifiedLeaves -= 1
        return isComplete ? .complete : .progress
    }
}
