import Basics

/// A packet that has been sent and may have to be sent again, or rather: what it carried.
struct SentPacket: Sendable {
    let time: MonotonicTime
    let byteCount: Int
    /// False once it is acknowledged, declared lost, or if it asks for no acknowledgement.
    var isOutstanding: Bool
    /// The chunks that it carried.
    var chunks: SentChunks?
    /// The sequence numbers of the control frames that it carried.
    var controls: [UInt64]
}

/// A run of chunks under way, of one transfer.
struct SentChunks: Sendable, Hashable {
    /// The transfer's handle.
    let transfer: UInt32
    /// The first chunk's index.
    let first: UInt32
    /// How many there are.
    let count: UInt32

    /// The chunks' indices.
    var run: Range<UInt32> { first..<first + count }
}

/// What packets carried that have arrived or are lost.
struct RecoveryOutcome: Sendable {
    var acknowledgedChunks: [SentChunks] = []
    var acknowledgedControls: [UInt64] = []
    var lostChunks: [SentChunks] = []
    var lostControls: [UInt64] = []
    var lostPackets = 0

    /// Whether nothing has changed.
    var isEmpty: Bool {
        acknowledgedChunks.isEmpty && acknowledgedControls.isEmpty && lostPackets == 0 && lostChunks.isEmpty
            && lostControls.isEmpty
    }

    /// Forgets what the owner has dealt with; keeps the memory.
    mutating func clear() {
        acknowledgedChunks.removeAll(keepingCapacity: true)
        acknowledgedControls.removeAll(keepingCapacity: true)
        lostChunks.removeAll(keepingCapacity: true)
        lostControls.removeAll(keepingCapacity: true)
        lostPackets = 0
    }
}
