import Basics

/// Frames into packets.
enum FrameEncoder {
    /// Bytes of a CHUNK frame before the chunk.
    static let chunkOverhead = 11
    /// Bytes of a control frame before its body.
    static let controlOverhead = 11
    /// Bytes of an acknowledgement with one range.
    static let acknowledgementByteCount = 18
    /// Bytes of each further range of an acknowledgement.
    static let rangeByteCount = 8
    /// Bytes of a challenge to a path, and of its answer.
    static let challengeByteCount = 8
    /// Bytes of the number of marked packets.
    static let markedByteCount = 4

    /// Appends an acknowledgement of as many of `ranges` as fit into `capacity` bytes, with the number of `marked` packets
    /// if there are any. Gaps and lengths that need more than 32 bits end the list.
    static func appendAcknowledgement(
        _ ranges: [ClosedRange<UInt64>], delay: Duration, marked: UInt32, capacity: Int, to packet: inout [UInt8]
    ) {
        guard marked > 0 else {
            return appendRanges(.acknowledgement, ranges, delay: delay, capacity: capacity, to: &packet)
        }
        guard !ranges.isEmpty, capacity >= acknowledgementByteCount + markedByteCount else { return }
        appendRanges(
            .markedAcknowledgement, ranges, delay: delay, capacity: capacity - markedByteCount, to: &packet)
        packet.append(integer: marked)
    }

    private static func appendRanges(
        _ type: FrameType, _ ranges: [ClosedRange<UInt64>], delay: Duration, capacity: Int, to packet: inout [UInt8]
    ) {
        guard let first = ranges.first, capacity >= acknowledgementByteCount else { return }
        let limit = min(ranges.count, 64, 1 + (capacity - acknowledgementByteCount) / rangeByteCount)
        packet.append(type.rawValue)
        packet.append(integer: first.upperBound)
        packet.append(integer: UInt32(clamping: max(0, delay.wholeNanoseconds / 1000)))
        let countPosition = packet.count
        packet.append(1)
        // A first range of more than 2^32 packets is cut: the far end was acknowledged long ago.
        packet.append(integer: UInt32(clamping: first.upperBound - first.lowerBound))
        guard first.upperBound - first.lowerBound <= UInt64(UInt32.max) else { return }
        var below = first.lowerBound
        for range in ranges[1..<limit] {
            let gap = below - range.upperBound - 2
            let length = range.upperBound - range.lowerBound
            guard gap <= UInt64(UInt32.max), length <= UInt64(UInt32.max) else { return }
            packet.append(integer: UInt32(gap))
            packet.append(integer: UInt32(length))
            packet[countPosition] += 1
            below = range.lowerBound
        }
    }

    /// Appends a control frame.
    static func append(_ frame: EncodedControlFrame, sequence: UInt64, to packet: inout [UInt8]) {
        packet.append(frame.type.rawValue)
        packet.append(integer: sequence)
        packet.append(integer: UInt16(frame.body.count))
        packet.append(contentsOf: frame.body)
    }

    /// Appends the part of `source` at `range` as a run of chunks from `index` on.
    static func appendChunks(
        transfer: UInt32, index: UInt32, source: [UInt8], range: Range<Int>, to packet: inout [UInt8]
    ) {
        packet.append(FrameType.chunk.rawValue)
        packet.append(integer: transfer)
        packet.append(integer: index)
        packet.append(integer: UInt16(range.count))
        packet.append(contentsOf: source[range])
    }
}
