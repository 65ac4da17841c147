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
