import Overlay

/// An object on its way from us to one peer: which of the wanted chunks are still to be sent.
struct OutboundTransfer: Sendable {
    /// The handle that the other side chose.
    let handle: UInt32
    let object: PublishedObject
    /// Chunks under way.
    var underWay = 0

    private var ranges: [Range<UInt32>]
    private var lost: [UInt32] = []

    init(handle: UInt32, object: PublishedObject, ranges: [Range<UInt32>]) {
        self.handle = handle
        self.object = object
        self.ranges = Self.clipped(ranges, count: object.layout.chunkCount)
    }

    /// Whether chunks are to be sent.
    var hasChunks: Bool { !lost.isEmpty || !ranges.isEmpty }

    /// The other side asks again: its ranges replace what was to be sent.
    mutating func replace(ranges: [Range<UInt32>]) {
        self.ranges = Self.clipped(ranges, count: object.layout.chunkCount)
        lost = []
    }

    /// The next chunk to send, lost ones first.
    mutating func nextChunk() -> UInt32? {
        if let index = lost.popLast() { return index }
        guard let range = ranges.last else { return nil }
        if range.count == 1 {
            ranges.removeLast()
        } else {
            ranges[ranges.count - 1] = (range.lowerBound + 1)..<range.upperBound
        }
        return range.lowerBound
    }

    /// A chunk has been lost and is to be sent again.
    mutating func requeue(_ index: UInt32) {
        lost.append(index)
    }

    /// The ranges that exist, last first.
    private static func clipped(_ ranges: [Range<UInt32>], count: Int) -> [Range<UInt32>] {
        ranges.map { $0.clamped(to: 0..<UInt32(count)) }.filter { !$0.isEmpty }.reversed()
    }
}
