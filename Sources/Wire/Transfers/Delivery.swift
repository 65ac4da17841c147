/// What one peer has acknowledged of an object that it was sent, chunk by chunk where it asked for them, and byte by byte
/// where the object was pushed. What is acknowledged twice, as it was asked for twice, counts once.
struct Delivery: Sendable {
    let object: ObjectID
    /// Under which handle the peer asked for chunks of it last.
    private(set) var handle: UInt32?
    /// Whether the object is not served any more.
    private(set) var isRetired = false

    private let layout: ChunkLayout
    /// A bit for each chunk that is not acknowledged; empty until chunks are asked for, and at the end.
    private var missing: [UInt64] = []
    private var chunkByteCount = 0
    private var pushedByteCount = 0
    private(set) var isPushed = false

    init(_ object: PublishedObject) {
        self.object = object.manifest.id
        layout = object.layout
    }

    var byteCount: Int { layout.payloadByteCount }

    /// Bytes of the payload that are acknowledged, one way or the other. What was pushed may have been asked for as well:
    /// the two counts can be of the same bytes, and are not added.
    var acknowledgedByteCount: Int { max(chunkByteCount, pushedByteCount) }

    /// Whether all of the payload is acknowledged.
    var isWhole: Bool { acknowledgedByteCount == byteCount }

    /// Whether nothing more is to be known: all is acknowledged, or nothing more of it is sent. What was pushed cannot be
    /// taken back.
    var isOver: Bool { isWhole || (isRetired && !isPushed) }

    /// The peer asks for chunks under a handle.
    mutating func ask(under handle: UInt32) {
        self.handle = handle
        if missing.isEmpty, !isWhole {
            missing = [UInt64](repeating: .max, count: (layout.chunkCount + 63) / 64)
        }
    }

    /// The peer asks for another object under the same handle.
    mutating func forgetHandle() { handle = nil }

    /// The object is queued whole.
    ///
    /// - Returns: false if it was before: then its pieces do not count once more.
    mutating func push() -> Bool {
        defer { isPushed = true }
        return !isPushed
    }

    /// The object is not served any more.
    mutating func retire() { isRetired = true }

    /// A piece of a pushed object is acknowledged.
    mutating func acknowledge(pushedByteCount count: Int) {
        pushedByteCount = min(pushedByteCount + count, byteCount)
    }

    /// Chunks are acknowledged. The list of leaf hashes before the payload does not count.
    mutating func acknowledge(_ run: Range<UInt32>) {
        let chunks = layout.hashChunkCount..<layout.chunkCount
        let own = (Int(run.lowerBound)..<Int(run.upperBound)).clamped(to: chunks)
        guard !own.isEmpty, !missing.isEmpty else { return }
        let last = layout.chunkCount - 1
        let missedLast = missing[last / 64] & (1 << UInt64(last % 64)) != 0
        ChunkLayout.forEachWord(of: own) { word, mask in
            chunkByteCount += (missing[word] & mask).nonzeroBitCount * WireConfiguration.chunkByteCount
            missing[word] &= ~mask
        }
        // The last chunk may be shorter.
        if own.upperBound > last, missedLast {
            chunkByteCount -= chunks.count * WireConfiguration.chunkByteCount - byteCount
        }
        if isWhole { missing = [] }
    }
}

/// A piece of a pushed object that is under way.
struct PushedPiece: Sendable {
    let object: ObjectID
    /// Bytes of the payload in it.
    let byteCount: Int
}

/// What one peer has acknowledged of all objects that it was sent in an association: as long as they are served, so that
/// each is reported once. A bit for each chunk of those that are under way is all that it takes.
struct Deliveries: Sendable {
    private var deliveries: [Delivery] = []

    /// How many there are.
    var count: Int { deliveries.count }

    /// The peer asks for chunks of an object.
    mutating func ask(for object: PublishedObject, under handle: UInt32) {
        let position = position(of: object)
        // An honest peer never uses a handle twice. Of one that does, what is acknowledged late counts for no object.
        for other in deliveries.indices where other != position && deliveries[other].handle == handle {
            deliveries[other].forgetHandle()
        }
        deliveries[position].ask(under: handle)
    }

    /// An object is queued whole.
    ///
    /// - Returns: whether its pieces are to be counted.
    mutating func push(_ object: PublishedObject) -> Bool { deliveries[position(of: object)].push() }

    /// Chunks are acknowledged.
    ///
    /// - Returns: the delivery, if nothing of it is missing any more.
    mutating func acknowledge(_ chunks: SentChunks) -> Delivery? {
        guard let position = deliveries.firstIndex(where: { $0.handle == chunks.transfer }),
            !deliveries[position].isWhole
        else { return nil }
        deliveries[position].acknowledge(chunks.run)
        return deliveries[position].isWhole ? deliveries[position] : nil
    }

    /// A piece of a pushed object is acknowledged.
    ///
    /// - Returns: the delivery, if nothing of it is missing any more.
    mutating func acknowledge(_ piece: PushedPiece) -> Delivery? {
        guard let position = deliveries.firstIndex(where: { $0.object == piece.object }),
            !deliveries[position].isWhole
        else { return nil }
        deliveries[position].acknowledge(pushedByteCount: piece.byteCount)
        let delivery = deliveries[position]
        guard delivery.isWhole else { return nil }
        if delivery.isRetired { deliveries.remove(at: position) }
        return delivery
    }

    /// The object is not served any more.
    ///
    /// - Returns: its delivery, if it ends here with something missing.
    mutating func retire(_ object: ObjectID) -> Delivery? {
        guard let position = deliveries.firstIndex(where: { $0.object == object }) else { return nil }
        deliveries[position].retire()
        guard deliveries[position].isOver else { return nil }
        let delivery = deliveries.remove(at: position)
        return delivery.isWhole ? nil : delivery
    }

    /// Whether something of an object that was pushed is not acknowledged.
    var hasPushUnderWay: Bool { deliveries.contains { $0.isPushed && !$0.isWhole } }

    /// Those of which something is missing.
    var unfinished: [Delivery] { deliveries.filter { !$0.isWhole } }

    /// Where the object's delivery is; it begins if there is none.
    private mutating func position(of object: PublishedObject) -> Int {
        if let position = deliveries.firstIndex(where: { $0.object == object.manifest.id && !$0.isRetired }) {
            return position
        }
        deliveries.append(Delivery(object))
        return deliveries.count - 1
    }
}
