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

/// Which congestion controller an endpoint uses.
package enum CongestionControl: String, Sendable, Hashable, CaseIterable {
    /// RFC 9438, the default.
    case cubic
    /// RFC 9002, section 7.
    case newReno

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
