import Basics

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
