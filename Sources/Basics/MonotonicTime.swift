/// A moment of a clock that never goes back, in nanoseconds since an origin that only its owner knows.
///
/// Protocol state machines are given moments; they never read a clock. The shell takes them from a real clock, the
/// simulator from its virtual one.
///
/// Public, so that other modules can inline it (docs/decisions/0057-what-is-inlined-is-public.md).
public struct MonotonicTime: Sendable, Hashable, Comparable {
    /// Nanoseconds since the origin.
    public var nanoseconds: Int64

    @inlinable
    public init(nanoseconds: Int64) {
        self.nanoseconds = nanoseconds
    }

    /// The clock's origin.
    @inlinable
    public static var zero: MonotonicTime { MonotonicTime(nanoseconds: 0) }

    /// A moment that never comes.
    @inlinable
    public static var distantFuture: MonotonicTime { MonotonicTime(nanoseconds: .max) }

    @inlinable
    public static func < (left: MonotonicTime, right: MonotonicTime) -> Bool {
        left.nanoseconds < right.nanoseconds
    }

    /// `duration` later; saturates at the distant future.
    @inlinable
    public static func + (time: MonotonicTime, duration: Duration) -> MonotonicTime {
        let (sum, overflow) = time.nanoseconds.addingReportingOverflow(duration.wholeNanoseconds)
        return MonotonicTime(nanoseconds: overflow ? .max : sum)
    }

    /// The time from `right` to `left`.
    @inlinable
    public static func - (left: MonotonicTime, right: MonotonicTime) -> Duration {
        .nanoseconds(left.nanoseconds.subtractingReportingOverflow(right.nanoseconds).partialValue)
    }
}

extension Duration {
    /// The duration in nanoseconds, rounded towards zero; saturates at the ends of `Int64`.
    @inlinable
    public var wholeNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        // Durations of centuries come out of files; they saturate instead of trapping.
        if overflow { return seconds < 0 ? .min : .max }
        let (sum, overflowed) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return overflowed ? (seconds < 0 ? .min : .max) : sum
    }

    /// The duration in seconds.
    @inlinable
    public var inSeconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
}
