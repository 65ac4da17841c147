package import Basics
import Foundation

/// What a peer's process asks of its clocks. The real ones are `SystemClock`; simulated peers have virtual ones, which may
/// drift and be set.
package protocol PeerClock: Sendable {
    /// The moment it is, on a clock that never goes back.
    func now() -> MonotonicTime
    /// The wall clock: nanoseconds since 1970.
    func wall() -> UInt64
    /// Returns at `time`, or earlier when the task is cancelled.
    func sleep(until time: MonotonicTime) async
}

/// The real clock as protocol code counts it: nanoseconds since the process's first question.
package struct SystemClock: PeerClock {
    private static let origin = ContinuousClock.now

    package init() {}

    package func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: (ContinuousClock.now - Self.origin).wholeNanoseconds)
    }

    package func wall() -> UInt64 { UInt64(max(0, Date().timeIntervalSince1970) * 1e9) }

    package func sleep(until time: MonotonicTime) async {
        try? await Task.sleep(until: Self.origin + .nanoseconds(time.nanoseconds), clock: .continuous)
    }
}
