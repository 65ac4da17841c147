import DequeModule

/// The control frames to one peer: numbered, kept until they are acknowledged, at most `limit` at a time.
struct ControlQueue: Sendable {
    private let limit: Int
    /// The frames from `base` on; nil for those that have arrived.
    private var frames: Deque<Entry?> = []
    private var base: UInt64 = 0
    /// The numbers of those that are to be sent, in order.
    private var pending: Deque<UInt64> = []

    private struct Entry {
        let frame: EncodedControlFrame
        /// The piece of a pushed object that it carries, if that is to be counted.
        let piece: PushedPiece?
    }

    init(limit: Int) {
        self.limit = limit
    }

    /// How many frames are kept.
    var count: Int { frames.count }

    /// How many more frames may be added.
    var room: Int { limit - frames.count }

    /// Whether another frame may be added.
    var hasRoom: Bool { room > 0 }

    /// Whether frames are to be sent.
    var hasPending: Bool { !pending.isEmpty }

    /// Adds a frame.
    ///
    /// - Parameter piece: what `acknowledge` is to give back.
    /// - Returns: false if as many as allowed already wait.
    mutating func append(_ frame: ControlFrame, piece: PushedPiece? = nil) -> Bool {
        guard hasRoom else { return false }
        pending.append(base + UInt64(frames.count))
        frames.append(Entry(frame: EncodedControlFrame(frame), piece: piece))
        return true
    }

    /// The next frame to send, if it fits into `capacity` bytes.
    mutating func next(capacity: Int) -> (sequence: UInt64, frame: EncodedControlFrame)? {
        while let sequence = pending.first {
            guard sequence >= base, let frame = frames[Int(sequence - base)]?.frame else {
                pending.removeFirst()
                continue
            }
            guard FrameEncoder.controlOverhead + frame.body.count <= capacity else { return nil }
            pending.removeFirst()
            return (sequence, frame)
        }
        return nil
    }

    /// The frame has arrived.
    ///
    /// - Returns: the piece of a pushed object that it carried.
    mutating func acknowledge(_ sequence: UInt64) -> PushedPiece? {
        guard sequence >= base, sequence - base < UInt64(frames.count) else { return nil }
        let piece = frames[Int(sequence - base)]?.piece
        frames[Int(sequence - base)] = nil
        while let first = frames.first, first == nil {
            frames.removeFirst()
            base += 1
        }
        return piece
    }

    /// The frame was lost and is to be sent again.
    mutating func requeue(_ sequence: UInt64) {
        guard sequence >= base, sequence - base < UInt64(frames.count), frames[Int(sequence - base)] != nil,
            !pending.contains(sequence)
        else { return }
        pending.insert(sequence, at: pending.firstIndex { $0 > sequence } ?? pending.count)
    }
}

/// Control frames from one peer, put back in order: each is handed on once.
struct ControlInbox: Sendable {
    private let limit: Int
    private var expected: UInt64 = 0
    private var waiting: [UInt64: ControlFrame] = [:]

    init(limit: Int) {
        self.limit = limit
    }

    /// How many frames wait for one before them.
    var count: Int { waiting.count }

    /// Takes in a frame; frames that were there before are ignored.
    ///
    /// - Returns: false if it is further ahead than the other side may be.
    mutating func insert(sequence: UInt64, _ frame: ControlFrame) -> Bool {
        guard sequence >= expected else { return true }
        guard sequence - expected < UInt64(limit) else { return false }
        waiting[sequence] = frame
        return true
    }

    /// The next frame in order.
    mutating func next() -> ControlFrame? {
        guard let frame = waiting.removeValue(forKey: expected) else { return nil }
        expected += 1
        return frame
    }
}
