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
    private var missingChunksOfLeaf: [UInt16]
    private var missingChunks: Int
    private var unverifiedLeaves: Int
    /// Leaves of which nothing is missing and that wait to be verified together.
    private var wholeLeaves: [Int] = []

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
        missingChunks = count
        let shape = layout
        missingChunksOfLeaf = (0..<shape.leafCount).map { UInt16(shape.chunkCount(ofLeaf: $0)) }
        unverifiedLeaves = layout.leafCount
    }

    /// Whether nothing is missing: at once for a payload without bytes.
    var isComplete: Bool { unverifiedLeaves == 0 }

    /// Takes in the run of chunks from `index` on that lies in `packet` at `range`, which has exactly the bytes of a run.
    mutating func receive(index: UInt32, packet: [UInt8], range: Range<Int>, at time: MonotonicTime) -> Outcome {
        let size = WireConfiguration.chunkByteCount
        let run = Int(index)..<Int(index) + (range.count + size - 1) / size
        guard let place = layout.place(ofRun: run) else { return .unwanted }
        let missingCount = missingCount(in: run)
        guard missingCount > 0 else { return .unwanted }
        switch place {
        case .hashes(let target):
            guard target.count == range.count else { return .unwanted }
            Self.take(
                run, of: packet, at: range, into: &hashes, at: target.lowerBound, missing: &missing,
                isWhole: missingCount == run.count)
            missingHashChunks -= missingCount
            missingChunks -= missingCount
            progress = time
            return missingHashChunks == 0 ? verifyHashes() : .progress
        case .payload(let target):
            guard target.count == range.count else { return .unwanted }
            progress = time
            // A run may reach from one leaf into the next; only what is missing is written, so that a leaf that has been
            // verified stays as it is.
            let first = layout.leaf(ofChunk: run.lowerBound)
            let last = layout.leaf(ofChunk: run.upperBound - 1)
            for leaf in first...last {
                let count = self.missingCount(in: run.clamped(to: chunks(ofLeaf: leaf)))
                missingChunksOfLeaf[leaf] -= UInt16(count)
                if count > 0, missingChunksOfLeaf[leaf] == 0 { wholeLeaves.append(leaf) }
            }
            Self.take(
                run, of: packet, at: range, into: &payload, at: target.lowerBound, missing: &missing,
                isWhole: missingCount == run.count)
            missingChunks -= missingCount
            guard missingHashChunks == 0, missingChunks == 0 || wholeLeaves.count >= Digest.piecesAtOnce else {
                return .progress
            }
            return verifyLeaves()
        }
    }

    private func chunks(ofLeaf leaf: Int) -> Range<Int> {
        let start = layout.hashChunkCount + leaf * ChunkLayout.chunksPerLeaf
        return start..<start + layout.chunkCount(ofLeaf: leaf)
    }

    /// How many chunks of the run are missing.
    private func missingCount(in run: Range<Int>) -> Int {
        var count = 0
        Self.forEachWord(of: run) { word, mask in count += (missing[word] & mask).nonzeroBitCount }
        return count
    }

    /// Copies the missing chunks of the run into their place, and marks them as there.
    private static func take(
        _ run: Range<Int>, of packet: [UInt8], at range: Range<Int>, into target: inout [UInt8], at offset: Int,
        missing: inout [UInt64], isWhole: Bool
    ) {
        if isWhole {
            target.overwrite(at: offset, with: packet, range: range)
        } else {
            let size = WireConfiguration.chunkByteCount
            for (position, index) in run.enumerated()
            where missing[index / 64] & (1 << UInt64(index % 64)) != 0 {
                let start = range.lowerBound + position * size
                target.overwrite(
                    at: offset + position * size, with: packet, range: start..<min(range.upperBound, start + size))
            }
        }
        forEachWord(of: run) { word, mask in missing[word] &= ~mask }
    }

    /// Calls `body` with every word of the bitmap that the run touches, and the bits of the run in it.
    private static func forEachWord(of run: Range<Int>, _ body: (Int, UInt64) -> Void) {
        var start = run.lowerBound
        while start < run.upperBound {
            let end = min(run.upperBound, (start / 64 + 1) * 64)
            let ones = end - start == 64 ? UInt64.max : (1 << UInt64(end - start)) - 1
            body(start / 64, ones << UInt64(start % 64))
            start = end
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
        return verifyLeaves()
    }

    /// Compares the leaves that have become whole with the list of hashes.
    private mutating func verifyLeaves() -> Outcome {
        let computed = MerkleTree.leafHashes(of: payload, leaves: wholeLeaves)
        for (position, leaf) in wholeLeaves.enumerated() {
            let size = Digest.byteCount
            guard
                computed[position * size..<(position + 1) * size].elementsEqual(hashes[leaf * size..<(leaf + 1) * size])
            else { return .corrupt }
        }
        unverifiedLeaves -= wholeLeaves.count
        wholeLeaves.removeAll(keepingCapacity: true)
        return isComplete ? .complete : .progress
    }
}
