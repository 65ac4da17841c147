import Basics

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
