import Basics

/// One peer's clocks as they depend on true time: a monotonic one that may drift, and a wall clock that may be stepped.
struct VirtualClock: Sendable {
    private var trueOrigin: MonotonicTime
    private var localOrigin: MonotonicTime
    private var rate = 1.0
    /// How far the wall clock is off.
    var wallOffset = Duration.zero

    /// A clock that shows `local` at `time`.
    init(local: MonotonicTime, at time: MonotonicTime) {
        trueOrigin = time
        localOrigin = local
    }

    /// Runs at `rate` from `time` on; it never goes back.
    mutating func setRate(_ rate: Double, at time: MonotonicTime) {
        localOrigin = local(at: time)
        trueOrigin = time
        self.rate = rate
    }

    /// What the monotonic clock shows at true time `time`.
    func local(at time: MonotonicTime) -> MonotonicTime {
        rate == 1 ? localOrigin + (time - trueOrigin) : localOrigin + (time - trueOrigin) * rate
    }

    /// When the monotonic clock shows `local`, or a little later.
    func time(at local: MonotonicTime) -> MonotonicTime {
        guard local != .distantFuture else { return .distantFuture }
        if rate == 1 { return trueOrigin + (local - localOrigin) }
        return trueOrigin + (local - localOrigin) / rate + .nanoseconds(2)
    }

    /// The wall clock in nanoseconds since 1970, where true time zero is `epoch`.
    func wall(at time: MonotonicTime, epoch: Int64) -> UInt64 {
        UInt64(max(0, epoch + time.nanoseconds + wallOffset.wholeNanoseconds))
    }
}
