import Basics

/// A frame: what a data packet carries. Layouts: docs/protocol.md, "Frames".
enum Frame: Equatable {
    /// Asks for an acknowledgement and nothing else.
    case ping
    /// Packet numbers that have arrived, greatest range first, how long this was held back, and how many packets of all so
    /// far the network had marked.
    case acknowledgement(ranges: [ClosedRange<UInt64>], delay: Duration, marked: UInt32)
    /// To be sent back to where it comes from.
    case pathChallenge([UInt8])
    /// A challenge that has come back.
    case pathResponse([UInt8])
    /// Goodbye.
    case close
    /// One of the frames that arrive in order, exactly once.
    case control(sequence: UInt64, ControlFrame)
    /// Chunks of an object from `index` on, which lie in the packet at `range`.
    case chunk(transfer: UInt32, index: UInt32, range: Range<Int>)
}

/// A frame that is retransmitted until it is acknowledged, and handed on in order, exactly once an association.
enum ControlFrame: Sendable, Equatable {
    /// Bytes for the layer above.
    case message([UInt8])
    /// A signed manifest, in its encoded form.
    case offer([UInt8])
    /// The sender wants chunks of an object under a handle of its choice.
    case want(transfer: UInt32, object: ObjectID, ranges: [Range<UInt32>])
    /// A signed manifest of anyone, in its encoded form, to be compared with what else its origin has said.
    case evidence([UInt8])
    /// A revocation, in its encoded form.
    case revocation([UInt8])
    /// A peer's record of anyone, in its encoded form.
    case record([UInt8])
    /// So many more of the chunks that were asked for under the handle may be sent.
    case credit(transfer: UInt32, chunks: UInt32)
    /// A piece of an object that nobody asked for: 1, the signed manifest behind its length and the first bytes of the
    /// payload; or 0 and the next bytes of the payload.
    case push([UInt8])
    /// One side gives a transfer up.
    case cancel(transfer: UInt32, reason: CancelReason)
}

/// Why a transfer is given up, and by which side.
enum CancelReason: UInt8, Sendable {
    /// By the receiving side: it wants no more of it.
    case unwanted = 0
    /// By the serving side: it does not have the object.
    case unavailable = 1
    /// By the serving side: it serves as many transfers as it can.
    case busy = 2
}

/// The type byte of a frame.
enum FrameType: UInt8 {
    case padding = 0
    case ping = 1
    case acknowledgement = 2
    case close = 3
    case message = 4
    case offer = 5
    case want = 6
    case cancel = 7
    case chunk = 8
    case evidence = 9
    case revocation = 10
    case pathChallenge = 11
    case pathResponse = 12
    case markedAcknowledgement = 13
    case record = 14
    case credit = 15
    case push = 16
}

/// A frame does not keep to the format, or breaks a limit.
struct MalformedFrame: Error {}

/// Frames out of packets. Anything that does not keep to the format is malformed: the rest of the packet is dropped.
struct FrameDecoder {
    private let bytes: [UInt8]
    private var reader: ByteReader

    /// A decoder of the first `count` of `bytes`.
    init(_ bytes: [UInt8], count: Int) {
        self.bytes = bytes
        reader = ByteReader(bytes, range: 0..<count)
    }

    /// The next frame; nil at the end.
    mutating func next() throws(MalformedFrame) -> Frame? {
        while let typeByte = reader.byte() {
            guard let type = FrameType(rawValue: typeByte) else { throw MalformedFrame() }
            switch type {
            case .padding: continue
            case .ping: return .ping
            case .close: return .close
            case .acknowledgement: return try acknowledgement(isMarked: false)
            case .markedAcknowledgement: return try acknowledgement(isMarked: true)
            case .chunk: return try chunk()
            case .pathChallenge: return .pathChallenge(try challenge())
            case .pathResponse: return .pathResponse(try challenge())
            case .message, .offer, .want, .cancel, .evidence, .revocation, .record, .credit, .push:
                guard let sequence = reader.integer(UInt64.self), let count = reader.integer(UInt16.self),
                    let range = reader.range(count: Int(count))
                else { throw MalformedFrame() }
                return .control(sequence: sequence, try ControlFrame(type, in: bytes, at: range))
            }
        }
        return nil
    }

    private mutating func challenge() throws(MalformedFrame) -> [UInt8] {
        guard let bytes = reader.bytes(count: FrameEncoder.challengeByteCount) else { throw MalformedFrame() }
        return bytes
    }

    private mutating func chunk() throws(MalformedFrame) -> Frame {
        guard let transfer = reader.integer(UInt32.self), let index = reader.integer(UInt32.self),
            let count = reader.integer(UInt16.self), let range = reader.range(count: Int(count))
        else { throw MalformedFrame() }
        return .chunk(transfer: transfer, index: index, range: range)
    }

    private mutating func acknowledgement(isMarked: Bool) throws(MalformedFrame) -> Frame {
        guard let largest = reader.integer(UInt64.self), let delay = reader.integer(UInt32.self),
            let count = reader.byte(), (1...64).contains(count), let length = reader.integer(UInt32.self),
            UInt64(length) <= largest
        else { throw MalformedFrame() }
        var ranges = [(largest - UInt64(length))...largest]
        for _ in 1..<count {
            guard let gap = reader.integer(UInt32.self), let length = reader.integer(UInt32.self) else {
                throw MalformedFrame()
            }
            let below = ranges[ranges.count - 1].lowerBound
            let step = UInt64(gap) + 2
            guard below >= step, below - step >= UInt64(length) else { throw MalformedFrame() }
            ranges.append((below - step - UInt64(length))...(below - step))
        }
        var marked: UInt32 = 0
        if isMarked {
            guard let count = reader.integer(UInt32.self) else { throw MalformedFrame() }
            marked = count
        }
        return .acknowledgement(ranges: ranges, delay: .microseconds(Int64(delay)), marked: marked)
    }
}

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

/// A control frame as it waits to be sent.
struct EncodedControlFrame: Sendable {
    let type: FrameType
    let body: [UInt8]

    init(_ frame: ControlFrame) {
        switch frame {
        case .message(let bytes):
            type = .message
            body = bytes
        case .offer(let bytes):
            type = .offer
            body = bytes
        case .evidence(let bytes):
            type = .evidence
            body = bytes
        case .revocation(let bytes):
            type = .revocation
            body = bytes
        case .record(let bytes):
            type = .record
            body = bytes
        case .push(let bytes):
            type = .push
            body = bytes
        case .credit(let transfer, let chunks):
            type = .credit
            var bytes: [UInt8] = []
            bytes.append(integer: transfer)
            bytes.append(integer: chunks)
            body = bytes
        case .want(let transfer, let object, let ranges):
            type = .want
            var bytes: [UInt8] = []
            bytes.append(integer: transfer)
            bytes += object.bytes
            bytes.append(UInt8(ranges.count))
            for range in ranges {
                bytes.append(integer: range.lowerBound)
                bytes.append(integer: UInt32(range.count))
            }
            body = bytes
        case .cancel(let transfer, let reason):
            type = .cancel
            var bytes: [UInt8] = []
            bytes.append(integer: transfer)
            bytes.append(reason.rawValue)
            body = bytes
        }
    }
}

extension ControlFrame {
    /// The frame whose body lies in `bytes` at `range`.
    init(_ type: FrameType, in bytes: [UInt8], at range: Range<Int>) throws(MalformedFrame) {
        var body = ByteReader(bytes, range: range)
        switch type {
        case .message:
            guard range.count <= WireConfiguration.messageByteLimit else { throw MalformedFrame() }
            self = .message(Array(bytes[range]))
        case .offer: self = .offer(Array(bytes[range]))
        case .evidence: self = .evidence(Array(bytes[range]))
        case .revocation: self = .revocation(Array(bytes[range]))
        case .record: self = .record(Array(bytes[range]))
        case .push:
            guard range.count > 1, bytes[range.lowerBound] <= 1 else { throw MalformedFrame() }
            self = .push(Array(bytes[range]))
        case .credit:
            guard let transfer = body.integer(UInt32.self), let chunks = body.integer(UInt32.self), chunks > 0,
                body.isAtEnd
            else { throw MalformedFrame() }
            self = .credit(transfer: transfer, chunks: chunks)
        case .want:
            guard let want = Self.want(&body), body.isAtEnd else { throw MalformedFrame() }
            self = want
        case .cancel:
            guard let transfer = body.integer(UInt32.self), let code = body.byte(),
                let reason = CancelReason(rawValue: code), body.isAtEnd
            else { throw MalformedFrame() }
            self = .cancel(transfer: transfer, reason: reason)
        case .padding, .ping, .acknowledgement, .close, .chunk, .pathChallenge, .pathResponse, .markedAcknowledgement:
            throw MalformedFrame()
        }
    }

    private static func want(_ body: inout ByteReader) -> ControlFrame? {
        guard let transfer = body.integer(UInt32.self), let name = body.bytes(count: ObjectID.byteCount),
            let object = ObjectID(bytes: name), let count = body.byte(), count <= 64
        else { return nil }
        var ranges: [Range<UInt32>] = []
        for _ in 0..<count {
            guard let first = body.integer(UInt32.self), let length = body.integer(UInt32.self), length > 0 else {
                return nil
            }
            let (end, overflow) = first.addingReportingOverflow(length)
            guard !overflow else { return nil }
            ranges.append(first..<end)
        }
        return .want(transfer: transfer, object: object, ranges: ranges)
    }
}
