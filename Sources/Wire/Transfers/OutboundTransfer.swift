/// An object that is served: payload and leaf hashes are shared by all transfers.
struct PublishedObject: Sendable {
    let manifest: SignedManifest
    let payload: [UInt8]
    let leafHashes: [UInt8]
    let layout: ChunkLayout
    /// The bodies of the frames that push it; none if it is too large for that. They too are shared by all that it is
    /// pushed to.
    let pushes: [[UInt8]]
}

/// An object on its way from us to one peer: which of the wanted chunks are still to be sent.
struct OutboundTransfer: Sendable {
    /// The handle that the other side chose.
    let handle: UInt32
    let object: PublishedObject
    /// Packets under way that carry chunks of it.
    var underWay = 0

    // Both last first.
    private var ranges: [Range<UInt32>]
    private var lost: [Range<UInt32>] = []
    /// Chunks of `ranges` that the other side has room for; what was lost needs no room of its own.
    private var credit: Int

    /// - Parameter credit: chunks that may be sent before more credit comes.
    init(handle: UInt32, object: PublishedObject, ranges: [Range<UInt32>], credit: Int) {
        self.handle = handle
        self.object = object
        self.ranges = Self.clipped(ranges, count: object.layout.chunkCount)
        self.credit = credit
    }

    /// Whether chunks may be sent.
    var hasChunks: Bool { !lost.isEmpty || (!ranges.isEmpty && credit > 0) }

    /// Whether everything that was asked for has been sent.
    var isSent: Bool { lost.isEmpty && ranges.isEmpty }

    /// Chunks that may be sent and do not count as lost.
    var waitingChunkCount: Int { min(credit, ranges.reduce(0) { $0 + $1.count }) }

    /// The other side has room for more.
    mutating func allow(chunks: UInt32) {
        // Credit beyond all chunks changes nothing, and must not grow without end.
        credit = min(credit + Int(chunks), 2 * object.layout.chunkCount)
    }

    /// The other side asks again: its ranges replace what was to be sent, except for runs that are under way, which come
    /// back if they are lost. The runs are in order.
    mutating func replace(ranges: [Range<UInt32>], except underWay: [Range<UInt32>], credit: Int) {
        self.credit = credit
        var left: [Range<UInt32>] = []
        for range in ranges {
            var start = range.lowerBound
            for run in underWay where run.upperBound > start && run.lowerBound < range.upperBound {
                if run.lowerBound > start { left.append(start..<run.lowerBound) }
                start = min(range.upperBound, run.upperBound)
            }
            if start < range.upperBound { left.append(start..<range.upperBound) }
        }
        self.ranges = Self.clipped(left, count: object.layout.chunkCount)
        lost = []
    }

    /// The next chunks to send, lost ones first: as many that follow each other as fit into `capacity` bytes; nil if none
    /// does.
    mutating func nextRun(capacity: Int) -> Range<Int>? {
        if !lost.isEmpty { return Self.take(from: &lost, layout: object.layout, capacity: capacity) }
        guard !ranges.isEmpty, credit > 0 else { return nil }
        let room = min(capacity, credit * WireConfiguration.chunkByteCount)
        let run = Self.take(from: &ranges, layout: object.layout, capacity: room)
        credit -= run?.count ?? 0
        return run
    }

    /// Chunks have been lost and are to be sent again.
    mutating func requeue(_ run: Range<UInt32>) {
        // What was lost together is sent again together.
        if let last = lost.last, run.upperBound == last.lowerBound {
            lost[lost.count - 1] = run.lowerBound..<last.upperBound
        } else if let last = lost.last, last.upperBound == run.lowerBound {
            lost[lost.count - 1] = last.lowerBound..<run.upperBound
        } else {
            lost.append(run)
        }
    }

    private static func take(from ranges: inout [Range<UInt32>], layout: ChunkLayout, capacity: Int) -> Range<Int>? {
        let last = ranges[ranges.count - 1]
        let run = layout.fitting(Int(last.lowerBound)..<Int(last.upperBound), capacity: capacity)
        guard !run.isEmpty else { return nil }
        if run.upperBound == Int(last.upperBound) {
            ranges.removeLast()
        } else {
            ranges[ranges.count - 1] = UInt32(run.upperBound)..<last.upperBound
        }
        return run
    }

    /// The ranges that exist, last first.
    private static func clipped(_ ranges: [Range<UInt32>], count: Int) -> [Range<UInt32>] {
        ranges.map { $0.clamped(to: 0..<UInt32(count)) }.filter { !$0.isEmpty }.reversed()
    }
}
