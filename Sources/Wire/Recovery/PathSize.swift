import Basics

/// Finds how long datagrams may be that pass the path, by trying (RFC 8899): a PING filled up to the next greater size,
/// whose loss says nothing about congestion. When long packets stop arriving while short ones do, it goes back to the
/// least size, which every path takes.
struct PathSize: Sendable {
    /// The sizes of UDP payloads that are tried: the least that the protocol needs; what fits into an Ethernet frame with
    /// an IPv6 header; what fits into a jumbo frame.
    static let sizes = [1200, 1452, 8952]
    /// A size that was lost so often is not tried again for a while.
    static let failureLimit = 3
    /// Long packets lost in a row, with none of them or after them acknowledged, from which on the path counts as a black
    /// hole for them.
    static let blackHoleLimit = 10
    /// The pauses before a size that failed is tried again: the first, and the longest.
    static let retryPauses = (first: Duration.seconds(1), longest: Duration.seconds(600))

    private let base: Int
    private let limit: Int
    // The place in `sizes` of the longest that passes; -1 where that is the base.
    private var index: Int8 = -1
    private var failedIndex = Int8.max
    private var failures: UInt8 = 0
    private var lostInARow: UInt8 = 0
    private var retries: UInt8 = 0
    /// One more than the greatest number of a long packet that has arrived.
    private var arrived: UInt64 = 0
    private var probe: (number: UInt64, index: Int8)?
    private var retryTime = MonotonicTime.zero

    /// - Parameters:
    ///   - base: bytes of a datagram that every path takes.
    ///   - limit: bytes of a datagram that are never exceeded.
    init(base: Int, limit: Int) {
        self.base = base
        self.limit = limit
    }

    /// Bytes of a datagram that pass, as far as is known.
    var byteCount: Int { index < 0 ? base : max(base, Self.sizes[Int(index)]) }

    /// The size that should be tried now.
    func sizeToTry(at time: MonotonicTime) -> Int? {
        guard probe == nil else { return nil }
        let next = nextIndex
        guard next < Self.sizes.count, Self.sizes[next] <= limit, next < failedIndex || time >= retryTime else {
            return nil
        }
        return Self.sizes[next]
    }

    /// Whether nothing is being tried, nor worth trying now.
    func isSettled(at time: MonotonicTime) -> Bool { probe == nil && sizeToTry(at: time) == nil }

    private var nextIndex: Int {
        var next = Int(index) + 1
        while next < Self.sizes.count, Self.sizes[next] <= base { next += 1 }
        return next
    }

    /// The packet `number` with the size to try is under way.
    mutating func probeSent(_ number: UInt64) {
        probe = (number, Int8(nextIndex))
    }

    /// Whether the packet is the one that tries a size.
    func isProbe(_ number: UInt64) -> Bool { probe?.number == number }

    /// A packet has arrived.
    mutating func acknowledged(_ number: UInt64, byteCount: Int) {
        if byteCount > base {
            lostInARow = 0
            arrived = max(arrived, number + 1)
        }
        guard let tried = probe, tried.number == number else { return }
        probe = nil
        failures = 0
        index = tried.index
        if index >= failedIndex { failedIndex = .max }
    }

    /// A packet was lost.
    mutating func lost(_ number: UInt64, byteCount: Int, at time: MonotonicTime) {
        if let tried = probe, tried.number == number {
            probe = nil
            failures += 1
            if failures >= Self.failureLimit { fail(tried.index, at: time) }
            return
        }
        // What was lost before a long one that arrived was lost to something else, as to a full queue.
        guard byteCount > base, number >= arrived else { return }
        lostInARow += 1
        if lostInARow >= Self.blackHoleLimit { fail(nextIndexAboveBase, at: time) }
    }

    private var nextIndexAboveBase: Int8 {
        Int8(Self.sizes.firstIndex { $0 > base } ?? Self.sizes.count)
    }

    private mutating func fail(_ failed: Int8, at time: MonotonicTime) {
        failedIndex = failed
        index = min(index, failed - 1)
        failures = 0
        lostInARow = 0
        let pause = Self.retryPauses.first * (1 << Int(retries))
        retryTime = time + min(pause, Self.retryPauses.longest)
        // 2^10 seconds are more than the longest pause.
        retries = min(retries + 1, 10)
    }
}
