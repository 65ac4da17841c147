import Basics

/// Frames out of packets. Anything that does not keep to the format is `malformed`: the rest of the packet is dropped.
struct FrameDecoder {
    private let bytes: [UInt8]
    private var reader: ByteReader

    /// What is wrong with a packet's frames.
    struct Malformed: Error {}

    /// A decoder of the first `count` of `bytes`.
    init(_ bytes: [UInt8], count: Int) {
        self.bytes = bytes
        reader = ByteReader(bytes, range: 0..<count)
    }

    /// The next frame; nil at the end.
    mutating func next() throws(Malformed) -> Frame? {
        while let typeByte = reader.byte() {
            guard let type = FrameType(rawValue: typeByte) else { throw Malformed() }
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
                return try control(type)
            }
        }
        return nil
    }

    private mutating func challenge() throws(Malformed) -> [UInt8] {
        guard let bytes = reader.bytes(count: FrameEncoder.challengeByteCount) else { throw Malformed() }
        return bytes
    }

    private mutating func chunk() throws(Malformed) -> Frame {
        guard let transfer = reader.integer(UInt32.self), let index = reader.integer(UInt32.self),
            let count = reader.integer(UInt16.self), let range = reader.range(count: Int(count))
        else { throw Malformed() }
        return .chunk(transfer: transfer, index: index, range: range)
    }

    private mutating func acknowledgement(isMarked: Bool) throws(Malformed) -> Frame {
        guard let largest = reader.integer(UInt64.self), let delay = reader.integer(UInt32.self),
            let count = reader.byte(), (1...64).contains(count), let length = reader.integer(UInt32.self),
            UInt64(length) <= largest
        else { throw Malformed() }
        var ranges = [(largest - UInt64(length))...largest]
        for _ in 1..<count {
            guard let gap = reader.integer(UInt32.self), let length = reader.integer(UInt32.self) else {
                throw Malformed()
            }
            let below = ranges[ranges.count - 1].lowerBound
            let step = UInt64(gap) + 2
            guard below >= step, below - step >= UInt64(length) else { throw Malformed() }
            ranges.append((below - step - UInt64(length))...(below - step))
        }
        var marked: UInt32 = 0
        if isMarked {
            guard let count = reader.integer(UInt32.self) else { throw Malformed() }
            marked = count
        }
        return .acknowledgement(ranges: ranges, delay: .microseconds(Int64(delay)), marked: marked)
    }

    private mutating func control(_ type: FrameType) throws(Malformed) -> Frame {
        guard let sequence = reader.integer(UInt64.self), let count = reader.integer(UInt16.self),
            let range = reader.range(count: Int(count))
        else { throw Malformed() }
        switch type {
        case .message:
            guard range.count <= WireConfiguration.messageByteLimit else { throw Malformed() }
            return .control(sequence: sequence, .message(Array(bytes[range])))
        case .offer:
            return .control(sequence: sequence, .offer(Array(bytes[range])))
        case .evidence:
            return .control(sequence: sequence, .evidence(Array(bytes[range])))
        case .revocation:
            return .control(sequence: sequence, .revocation(Array(bytes[range])))
        case .record:
            return .control(sequence: sequence, .record(Array(bytes[range])))
        case .push:
            guard range.count > 1, bytes[range.lowerBound] <= 1 else { throw Malformed() }
            return .control(sequence: sequence, .push(Array(bytes[range])))
        case .credit:
            var body = ByteReader(bytes, range: range)
            guard let transfer = body.integer(UInt32.self), let chunks = body.integer(UInt32.self), chunks > 0,
                body.remaining == 0
            else { throw Malformed() }
            return .control(sequence: sequence, .credit(transfer: transfer, chunks: chunks))
        case .want:
            return .control(sequence: sequence, try want(ByteReader(bytes, range: range)))
        default:
            var body = ByteReader(bytes, range: range)
            guard let transfer = body.integer(UInt32.self), let code = body.byte(),
                let reason = CancelReason(rawValue: code), body.remaining == 0
            else { throw Malformed() }
            return .control(sequence: sequence, .cancel(transfer: transfer, reason: reason))
        }
    }

    private func want(_ start: ByteReader) throws(Malformed) -> ControlFrame {
        var body = start
        guard let transfer = body.integer(UInt32.self), let name = body.bytes(count: ObjectID.byteCount),
            let object = ObjectID(bytes: name), let count = body.byte(), count <= 64
        else { throw Malformed() }
        var ranges: [Range<UInt32>] = []
        for _ in 0..<count {
            guard let first = body.integer(UInt32.self), let length = body.integer(UInt32.self), length > 0 else {
                throw Malformed()
            }
            let (end, overflow) = first.addingReportingOverflow(length)
            guard !overflow else { throw Malformed() }
            ranges.append(first..<end)
        }
        guard body.remaining == 0 else { throw Malformed() }
        return .want(transfer: transfer, object: object, ranges: ranges)
    }
}
