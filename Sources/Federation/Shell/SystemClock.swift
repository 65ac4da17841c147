package import Overlay

/// The real clock as protocol code counts it: nanoseconds since the process's first question.
package enum SystemClock {
    private static let origin = ContinuousClock.now

    /// The moment it is.
    package static func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: (ContinuousClock.now - origin).wholeNanoseconds)
    }

    /// Returns at `time`, or earlier when the task is cancelled.
    package static func sleep(until time: MonotonicTime) async {
        try? await Task.sleep(until: origin + .nanoseconds(time.nanoseconds), clock: .continuous)
    }
}
