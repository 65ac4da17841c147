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
