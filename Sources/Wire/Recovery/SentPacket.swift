import Overlay

/// A packet that has been sent and may have to be sent again, or rather: what it carried.
struct SentPacket: Sendable {
    let time: MonotonicTime
    let byteCount: Int
    /// False once it is acknowledged, declared lost, or if it asks for no acknowledgement.
    var isOutstanding: Bool
    /// The chunk that it carried.
    let chunk: SentChunk?
    /// The sequence numbers of the control frames that it carried.
    let controls: [UInt64]
}

/// A chunk under way: the transfer's handle and the chunk's index.
struct SentChunk: Sendable, Hashable {
    let transfer: UInt32
    let index: UInt32
}
