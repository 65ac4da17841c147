import Basics

/// What has arrived, and when it is to be acknowledged.
struct ReceivedPackets: Sendable {
    /// Ranges that one acknowledgement carries, at most; what lies further back was acknowledged before.
    static let sentRangeLimit = 32

    private var window = ReplayWindow()
    /// The ranges of received numbers, greatest first.
    private(set) var ranges: [ClosedRange<UInt64>] = []
    private var largestTime = MonotonicTime.zero
    private var unacknowledged = 0
    /// Packets that the network had marked.
    private(set) var marked: UInt32 = 0
    /// When an acknowledgement is due; nil if none is owed.
    private(set) var deadline: MonotonicTime?

    /// Whether the packet is new.
    func accepts(_ number: UInt64) -> Bool { window.accepts(number) }

    /// Records an authentic packet.
    ///
    /// - Returns: false if it was there before or is too old.
    mutating func insert(_ number: UInt64, at time: MonotonicTime) -> Bool {
        guard window.insert(number) else { return false }
        // The delay that an acknowledgement tells is that of the greatest number (RFC 9000, section 13.2.5).
        if ranges.first.map({ number > $0.upperBound }) ?? true { largestTime = time }
        insertIntoRanges(number)
        return true
    }

    /// Whether the packet is the newest of all that have arrived.
    func isNewest(_ number: UInt64) -> Bool { ranges.first?.upperBound == number }

    /// The network had marked the packet that was just inserted: the other side should know at once.
    mutating func noteMark(at time: MonotonicTime) {
        marked &+= 1
        deadline = time
    }

    /// The packet that was just inserted asks for an acknowledgement, which is due after a few packets or a short while,
    /// and at once when something is missing or arrives late.
    mutating func owe(_ number: UInt64, after packets: Int, patience: Duration, at time: MonotonicTime) {
        unacknowledged += 1
        let inOrder = ranges.count == 1 && ranges[0].upperBound == number
        let isNextOfFirst = ranges.first.map { $0.upperBound == number && $0.lowerBound < number } ?? false
        if unacknowledged >= packets || !(inOrder || isNextOfFirst) {
            deadline = time
        } else if deadline == nil {
            deadline = time + patience
        }
    }

    /// Whether an acknowledgement is owed at all; it may ride on any packet.
    var isOwed: Bool { deadline != nil }

    /// Whether it is due at `time`.
    func isDue(at time: MonotonicTime) -> Bool { deadline.map { $0 <= time } ?? false }

    /// How long the acknowledgement of the greatest number has been held back.
    func delay(at time: MonotonicTime) -> Duration { time - largestTime }

    /// An acknowledgement has been sent.
    mutating func acknowledged() {
        unacknowledged = 0
        deadline = nil
    }

    private mutating func insertIntoRanges(_ number: UInt64) {
        // Almost always the first range grows by one.
        if let first = ranges.first, first.upperBound &+ 1 == number {
            ranges[0] = first.lowerBound...number
            return
        }
        var index = 0
        while index < ranges.count, ranges[index].lowerBound > number { index += 1 }
        // `number` lies above the range at `index` and below the one before.
        let joinsBelow = index < ranges.count && ranges[index].upperBound &+ 1 == number
        let joinsAbove = index > 0 && number &+ 1 == ranges[index - 1].lowerBound
        switch (joinsAbove, joinsBelow) {
        case (true, true):
            ranges[index - 1] = ranges[index].lowerBound...ranges[index - 1].upperBound
            ranges.remove(at: index)
        case (true, false): ranges[index - 1] = number...ranges[index - 1].upperBound
        case (false, true): ranges[index] = ranges[index].lowerBound...number
        case (false, false):
            ranges.insert(number...number, at: index)
            if ranges.count > Self.sentRangeLimit { ranges.removeLast() }
        }
    }
}

/// Which of the last 16,384 packet numbers have been seen, as in RFC 6479: blocks of bits in a ring, so that the window
/// moves without shifting.
package struct ReplayWindow: Sendable {
    /// Packet numbers that are told apart behind the greatest.
    package static let size: UInt64 = 16_384

    // One block more than the window, so that the block that is being cleared is never one that still counts.
    private static let blocks = Int(size / 64) + 1
    // As long as few packets have come, which is so for most of the sessions of a simulation, the ring's end is not there.
    private var bits: [UInt64] = []
    /// The greatest number so far; nil before the first.
    package private(set) var greatest: UInt64?

    package init() {}

    /// Whether `number` is neither seen nor too old.
    package func accepts(_ number: UInt64) -> Bool {
        guard let greatest, number <= greatest else { return true }
        if greatest - number >= Self.size { return false }
        let block = Self.block(number)
        return block >= bits.count || bits[block] & Self.bit(number) == 0
    }

    /// Marks `number` as seen; to be called after the packet has proved authentic.
    ///
    /// - Returns: false if it was seen before or is too old; then nothing changes.
    package mutating func insert(_ number: UInt64) -> Bool {
        guard accepts(number) else { return false }
        if let greatest {
            if number > greatest {
                let steps = number / 64 - greatest / 64
                // The blocks that the window moves over still hold bits of a ring's length ago; after a long jump all
                // are cleared, once.
                for step in 0..<min(steps, UInt64(Self.blocks)) {
                    let block = Self.block((greatest / 64 + 1 + step) * 64)
                    if block < bits.count { bits[block] = 0 }
                }
                self.greatest = number
            }
        } else {
            greatest = number
        }
        let block = Self.block(number)
        while bits.count <= block { bits.append(0) }
        bits[block] |= Self.bit(number)
        return true
    }

    private static func block(_ number: UInt64) -> Int { Int(number / 64 % UInt64(blocks)) }
    private static func bit(_ number: UInt64) -> UInt64 { 1 << (number % 64) }
}
