package import Overlay

/// Decides how many bytes may be under way.
package protocol CongestionController: Sendable {
    /// Bytes that may be under way.
    var window: Int { get }
    /// Whether the window is still growing quickly towards its first loss.
    var isInSlowStart: Bool { get }
    /// `byteCount` bytes sent at `sent` are acknowledged; `isLimiting` says whether the window was in use.
    mutating func acknowledged(byteCount: Int, sent: MonotonicTime, isLimiting: Bool)
    /// Packets, the last of them sent at `sent`, were lost.
    mutating func lost(sent: MonotonicTime, at time: MonotonicTime)
    /// Everything sent over a long time was lost.
    mutating func collapsed()
}
