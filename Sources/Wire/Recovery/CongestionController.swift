package import Basics

/// Decides how many bytes may be under way.
package protocol CongestionController: Sendable {
    /// Bytes that may be under way.
    var window: Int { get }
    /// Whether the window is still growing quickly towards its first loss.
    var isInSlowStart: Bool { get }
    /// Bytes of a full packet from now on.
    mutating func use(packetByteCount: Int)
    /// `byteCount` bytes sent at `sent` are acknowledged; `isLimiting` says whether the window was in use, `roundTrip` is
    /// the smoothed round-trip time.
    mutating func acknowledged(
        byteCount: Int, sent: MonotonicTime, isLimiting: Bool, roundTrip: Duration, at time: MonotonicTime)
    /// Packets, the last of them sent at `sent`, were lost, or marked by the network as having met with congestion.
    mutating func lost(sent: MonotonicTime, at time: MonotonicTime)
    /// Everything sent over a long time was lost.
    mutating func collapsed()
    /// A round-trip time was measured on a packet sent at `sent`.
    mutating func measured(roundTrip: Duration, sent: MonotonicTime, at time: MonotonicTime)
}

extension CongestionControl {
    /// A controller of this kind at the start of a connection.
    package func controller(packetByteCount: Int) -> any CongestionController {
        switch self {
        case .cubic: Cubic(packetByteCount: packetByteCount)
        case .newReno: NewReno(packetByteCount: packetByteCount)
        }
    }
}

/// What all controllers share.
enum CongestionLimits {
    /// Packets under way at most: more than the replay window could hold would be dropped by it.
    static let packets = 12_000
    /// Bytes under way at most.
    static let byteCount = 64 << 20
    /// Bytes that may wait in queues on the way, by the growth of the round trip, while the window still grows.
    static let waitingByteCount = 2e6

    static func window(packetByteCount: Int) -> Int { min(packets * packetByteCount, byteCount) }
}

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
        // Two packets at the least (RFC 9002, section 7.2).
        window = max(window, 2 * packetByteCount)
    }

    package mutating func acknowledged(
        byteCount: Int, sent: MonotonicTime, isLimiting: Bool, roundTrip: Duration, at time: MonotonicTime
    ) {
        // What was sent before the window was reduced says nothing of it (RFC 9002, section 7.3.2).
        if let recoveryStart, sent <= recoveryStart { return }
        // A window that was not in use has not been tried (RFC 9002, section 7.8).
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
        // One reduction for all losses of a round trip.
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
