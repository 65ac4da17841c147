import Basics

/// Spreads packets over the round trip: a bucket of bytes that fills at the congestion window per round trip, times
/// 5/4 (times 2 in slow start), and holds at least ten packets, so that a coarse timer does not hold the sender back.
struct Pacer: Sendable {
    private var tokens: Int
    private var filled: MonotonicTime

    init(at time: MonotonicTime, packetByteCount: Int) {
        tokens = 10 * packetByteCount
        filled = time
    }

    /// Fills the bucket up to `time`.
    mutating func refill(
        at time: MonotonicTime, window: Int, roundTrip: Duration, slowStart: Bool, packetByteCount: Int
    ) {
        let elapsed = time.nanoseconds - filled.nanoseconds
        guard elapsed > 0 else { return }
        let rate = Self.rate(window: window, roundTrip: roundTrip, slowStart: slowStart)
        // The bucket holds what the timers' slack of four milliseconds lets through.
        let capacity = max(10 * packetByteCount, min(Int(rate * 4e-3), 2 << 20))
        let added = min(Double(elapsed) * 1e-9 * rate, Double(capacity))
        // What does not make a byte yet is not lost: the time is counted again.
        if Int(added) > 0 || tokens >= capacity {
            tokens = min(capacity, tokens + Int(added))
            filled = time
        }
    }

    /// Whether a packet may leave.
    var isOpen: Bool { tokens > 0 }

    /// Counts a sent packet.
    mutating func sent(byteCount: Int) {
        tokens -= byteCount
    }

    /// When a packet may leave.
    func opening(window: Int, roundTrip: Duration, slowStart: Bool) -> MonotonicTime {
        let rate = Self.rate(window: window, roundTrip: roundTrip, slowStart: slowStart)
        let missing = Double(1 - tokens)
        return filled + .nanoseconds(Int64(missing / rate * 1e9) + 1)
    }

    private static func rate(window: Int, roundTrip: Duration, slowStart: Bool) -> Double {
        // More than a window a round trip, so that pacing does not limit the rate itself (RFC 9002, section 7.7).
        Double(window) / max(roundTrip.inSeconds, 1e-4) * (slowStart ? 2 : 1.25)
    }
}
