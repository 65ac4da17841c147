import Overlay

/// A frame: what a data packet carries. Layouts: docs/protocol.md, "Frames".
enum Frame: Equatable {
    /// Asks for an acknowledgement and nothing else.
    case ping
    /// Packet numbers that have arrived, greatest range first, and how long this was held back.
    case acknowledgement(ranges: [ClosedRange<UInt64>], delay: Duration)
    /// Goodbye.
    case close
    /// One of the frames that arrive in order, exactly once.
    case control(sequence: UInt64, ControlFrame)
    /// A part of an object, which lies in the packet at `range`.
    case chunk(transfer: UInt32, index: UInt32, range: Range<Int>)
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
}

/// A frame that is retransmitted until it is acknowledged, and handed on in order, exactly once an association.
enum ControlFrame: Sendable, Equatable {
    /// Bytes for the layer above.
    case message([UInt8])
    /// A signed manifest, in its encoded form.
    case offer([UInt8])
    /// The sender wants chunks of an object under a handle of its choice.
    case want(transfer: UInt32, object: ObjectID, ranges: [Range<UInt32>])
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
