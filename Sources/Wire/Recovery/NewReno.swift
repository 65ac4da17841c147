package import Basics

/// The congestion controller of RFC 9002, section 7: slow start, then one packet more a round trip, half on loss.
package struct NewReno: CongestionController {
    package private(set) var window: Int
    private var packetByteCount: Int
    private var threshold = Int.max
    private var recoveryStart: MonotonicTime?
    private var acknowledgedInAvoidance = 0

    /// A window of ten packets of `packetByteCount` bytes to begin with.
    package init(packetByteCount: Int) {
        self.packetByteCount = packetByteCount
        window = 10 * packetByteCount
    }

    package var isInSlowStart: Bool { window < threshold }

    package mutating func use(packetByteCount: Int) {
        self.packetByteCount = packetByteCount
        window = max(window, 2 * packetByteCount)
    }

    package mutating func acknowledged(
        byteCount: Int, sent: MonotonicTime, isLimiting: Bool, roundTrip: Duration, at time: MonotonicTime
    ) {
        if let recoveryStart, sent <= recoveryStart { return }
        guard isLimiting else { return }
        if isInSlowStart {
            window += byteCount
        } else {
            acknowledgedInAvoidance += byteCount
            if acknowledgedInAvoidance >= window {
                acknowledgedInAvoidance -= window
                window += packetByteCount
            }
        }
        window = min(window, CongestionLimits.window(packetByteCount: packetByteCount))
    }

    package mutating func lost(sent: MonotonicTime, at time: MonotonicTime) {
        if let recoveryStart, sent <= recoveryStart { return }
        recoveryStart = time
        threshold = max(window / 2, 2 * packetByteCount)
        window = threshold
        acknowledgedInAvoidance = 0
    }

    package mutating func collapsed() {
        window = 2 * packetByteCount
        recoveryStart = nil
    }

    package mutating func measured(roundTrip: Duration, sent: MonotonicTime, at time: MonotonicTime) {}
}
