import Cryptography

/// An object on its way to us, or some of its leaves, from one holder or several: what has arrived, and which of the leaves
/// are verified.
///
/// Its parts are the list of leaf hashes (part 0) and the leaves (part 1 and on). Each part is taken from one holder only,
/// so that when it turns out to be false it is known who served it.
struct InboundTransfer: Sendable {
    let manifest: SignedManifest
    let layout: ChunkLayout
    /// The leaves that are wanted.
    let leaves: Range<Int>
    /// The connections whose peers have been asked for it.
    var holders: [ConnectionID] = []

    /// The bytes of the wanted leaves.
    private(set) var payload: [UInt8]
    private var hashes: [UInt8]
    private(set) var missing: [UInt64]
    private var missingOfPart: [UInt16]
    private var missingChunks: Int
    private var unverifiedLeaves: Int
    /// Leaves of which nothing is missing and that wait to be verified together.
    private var wholeLeaves: [Int] = []
    /// Whom each part is asked of.
    private var assignees: [ConnectionID?]

    /// What a run of chunks did.
    enum Outcome: Equatable {
        /// It was there before, is none of this object, or was asked of another holder.
        case unwanted
        /// So many of its chunks are new.
        case progress(Int)
        /// It held the last: the payload is whole and verified.
        case complete
        /// The list of hashes or a leaf is not the manifest's: these holders served something else. What they served is
        /// missing again.
        case corrupt(holders: [ConnectionID])
    }

    /// What a holder is to be asked for.
    struct Share: Equatable {
        var holder: ConnectionID
        var ranges: [Range<UInt32>]
        var chunkCount: Int
    }

    /// Memory for all that is wanted is reserved at once; the caller has checked the limits. It is not written to before
    /// chunks come, and nobody sees it before each of its bytes has come and is verified.
    ///
    /// - Parameter leaves: which of the object's leaves are wanted; nil for all.
    init(manifest: SignedManifest, leaves: Range<Int>? = nil) {
        self.manifest = manifest
        let layout = ChunkLayout(payloadByteCount: manifest.manifest.payloadByteCount)
        let leaves = leaves ?? 0..<layout.leafCount
        self.layout = layout
        self.leaves = leaves
        payload = [UInt8](unwrittenCount: layout.bytes(ofLeaves: leaves).count)
        hashes = [UInt8](repeating: 0, count: layout.hashByteCount)
        // A bit is set for what is missing: the list of hashes, and the wanted leaves. Other chunks may not come.
        var missing = [UInt64](repeating: 0, count: (layout.chunkCount + 63) / 64)
        let (list, wanted) = (0..<layout.hashChunkCount, layout.chunks(ofLeaves: leaves))
        for run in [list, wanted] { ChunkLayout.forEachWord(of: run) { word, mask in missing[word] |= mask } }
        self.missing = missing
        missingChunks = list.count + wanted.count
        // Sixteen bits do: a leaf has 512 chunks, and the list of hashes of the 16,384 leaves of 1 GiB has 4096.
        missingOfPart = (0...layout.leafCount).map { part in
            part == 0 || leaves.contains(part - 1) ? UInt16(layout.chunks(ofPart: part).count) : 0
        }
        assignees = [ConnectionID?](repeating: nil, count: layout.leafCount + 1)
        unverifiedLeaves = leaves.count
    }

    /// Bytes that the transfer takes up.
    var byteCount: Int { payload.count }

    /// Whether not all of the object is wanted.
    var isPart: Bool { leaves.count < layout.leafCount }

    /// Whether nothing is missing: at once for a payload without bytes.
    var isComplete: Bool { unverifiedLeaves == 0 }

    /// Takes in the run of chunks from `index` on that lies in `packet` at `range`, from a holder.
    mutating func receive(index: UInt32, packet: [UInt8], range: Range<Int>, from holder: ConnectionID) -> Outcome {
        let size = WireConfiguration.chunkByteCount
        let run = Int(index)..<Int(index) + (range.count + size - 1) / size
        guard let place = layout.place(ofRun: run), place.byteCount == range.count else { return .unwanted }
        var newCount = 0
        // A run may reach from one leaf into the next.
        for part in layout.part(ofChunk: run.lowerBound)...layout.part(ofChunk: run.upperBound - 1) {
            let own = run.clamped(to: layout.chunks(ofPart: part))
            let missingCount = missingCount(in: own)
            guard missingCount > 0, assignees[part] == holder else { continue }
            let start = range.lowerBound + (own.lowerBound - run.lowerBound) * size
            let source = start..<min(range.upperBound, start + own.count * size)
            switch place {
            case .hashes(let target):
                Self.take(own, of: packet, at: source, into: &hashes, at: target.lowerBound, missing: &missing)
            case .payload(let target):
                Self.take(
                    own, of: packet, at: source, into: &payload,
                    at: target.lowerBound + (own.lowerBound - run.lowerBound) * size
                        - layout.bytes(ofLeaves: leaves).lowerBound, missing: &missing)
            }
            missingOfPart[part] -= UInt16(missingCount)
            newCount += missingCount
            if missingOfPart[part] == 0, part > 0 { wholeLeaves.append(part - 1) }
        }
        guard newCount > 0 else { return .unwanted }
        missingChunks -= newCount
        if case .hashes = place {
            if missingOfPart[0] == 0, !hashesAreTrue { return blame(part: 0) }
        }
        // As many leaves as can be hashed side by side are waited for
        // (docs/decisions/0023-leaves-are-hashed-side-by-side.md).
        guard missingOfPart[0] == 0, missingChunks == 0 || wholeLeaves.count >= Digest.piecesAtOnce else {
            return .progress(newCount)
        }
        return verifyLeaves() ?? (isComplete ? .complete : .progress(newCount))
    }

    /// Divides what is missing among the holders: a part that has begun to arrive stays with its holder, the others are
    /// divided evenly, each holder's one after the other.
    mutating func divide() -> [Share] {
        var free: [Int] = []
        for part in missingOfPart.indices where missingOfPart[part] > 0 {
            let isUntouched = Int(missingOfPart[part]) == layout.chunks(ofPart: part).count
            if !isUntouched, let assignee = assignees[part], holders.contains(assignee) { continue }
            // A part of two holders would blame neither if it proved false: what came of it from one that is gone is
            // asked for again.
            if !isUntouched { reset(part: part) }
            free.append(part)
        }
        for (rank, holder) in holders.enumerated() {
            for part in free[free.count * rank / holders.count..<free.count * (rank + 1) / holders.count] {
                assignees[part] = holder
            }
        }
        return holders.map { share(of: $0) }
    }

    /// What is missing of the holder's parts: as many ranges as a WANT frame takes. What is beyond is asked of nobody yet.
    mutating func share(of holder: ConnectionID) -> Share {
        var share = Share(holder: holder, ranges: [], chunkCount: 0)
        for part in assignees.indices where assignees[part] == holder && missingOfPart[part] > 0 {
            let ranges = missingRanges(in: layout.chunks(ofPart: part))
            let joins = share.ranges.last?.upperBound == ranges[0].lowerBound ? 1 : 0
            guard share.ranges.count + ranges.count - joins <= 64 else {
                // A part whose pieces alone are too many begins anew.
                if share.ranges.isEmpty {
                    reset(part: part)
                    let whole = layout.chunks(ofPart: part)
                    return Share(
                        holder: holder, ranges: [UInt32(whole.lowerBound)..<UInt32(whole.upperBound)],
                        chunkCount: whole.count)
                }
                if Int(missingOfPart[part]) == layout.chunks(ofPart: part).count { assignees[part] = nil }
                continue
            }
            share.ranges.append(contentsOf: ranges.dropFirst(joins))
            if joins == 1 {
                let last = share.ranges.count - ranges.count
                share.ranges[last] = share.ranges[last].lowerBound..<ranges[0].upperBound
            }
            share.chunkCount += Int(missingOfPart[part])
        }
        return share
    }

    /// Whether dividing anew would give a holder without work something to do.
    var hasWorkToShare: Bool {
        var untouched = 0
        for part in missingOfPart.indices where Int(missingOfPart[part]) == layout.chunks(ofPart: part).count {
            if assignees[part] == nil { return true }
            untouched += 1
        }
        return holders.count > 1 && untouched >= 2 * holders.count
    }

    /// All of the part is missing again.
    private mutating func reset(part: Int) {
        let chunks = layout.chunks(ofPart: part)
        missingChunks += chunks.count - Int(missingOfPart[part])
        missingOfPart[part] = UInt16(chunks.count)
        ChunkLayout.forEachWord(of: chunks) { word, mask in missing[word] |= mask }
    }

    private var hashesAreTrue: Bool {
        MerkleTree.root(leafHashes: hashes, byteCount: layout.payloadByteCount) == manifest.manifest.root
    }

    private mutating func blame(part: Int) -> Outcome {
        reset(part: part)
        return .corrupt(holders: assignees[part].map { [$0] } ?? [])
    }

    /// Compares the leaves that have become whole with the list of hashes.
    ///
    /// - Returns: nil if all are true.
    private mutating func verifyLeaves() -> Outcome? {
        // By their places among the bytes that are here.
        let computed = MerkleTree.leafHashes(of: payload, leaves: wholeLeaves.map { $0 - leaves.lowerBound })
        let size = Digest.byteCount
        var liars: [ConnectionID] = []
        for (position, leaf) in wholeLeaves.enumerated() {
            let isTrue = computed[position * size..<(position + 1) * size].elementsEqual(
                hashes[leaf * size..<(leaf + 1) * size])
            if isTrue {
                unverifiedLeaves -= 1
            } else {
                if let liar = assignees[leaf + 1], !liars.contains(liar) { liars.append(liar) }
                reset(part: leaf + 1)
            }
        }
        wholeLeaves.removeAll(keepingCapacity: true)
        return liars.isEmpty ? nil : .corrupt(holders: liars)
    }
}
