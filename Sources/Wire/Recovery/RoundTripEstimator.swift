import Basics

/// Round-trip time as RFC 9002, section 5, estimates it.
struct RoundTripEstimator: Sendable {
    /// The last sample.
    private(set) var latest: Duration
    /// The weighted mean.
    private(set) var smoothed: Duration
    /// The mean deviation.
    private(set) var variation: Duration
    /// The least of the last half minute or so.
    private(set) var minimum: Duration?
    private var minimumTime = MonotonicTime.zero

    /// A least round trip is forgotten after this: the path may have become longer.
    static let minimumLife = Duration.seconds(30)

    /// Timers are not set finer than this.
    static let granularity = Duration.milliseconds(1)

    init(initial: Duration) {
        latest = initial
        smoothed = initial
        variation = initial / 2
    }

    /// Takes in a sample, of which the other side held back the acknowledgement for `delay`.
    mutating func add(_ sample: Duration, delay: Duration, at time: MonotonicTime) {
        latest = sample
        guard let least = minimum else {
            minimum = sample
            minimumTime = time
            smoothed = sample
            variation = sample / 2
            return
        }
        if sample <= least || time >= minimumTime + Self.minimumLife {
            minimum = sample
            minimumTime = time
        }
        // The other side's delay is taken off only where no less than the least remains; weights as in RFC 9002,
        // section 5.3.
        let adjusted = sample - delay >= min(least, sample) ? sample - delay : sample
        let deviation = smoothed > adjusted ? smoothed - adjusted : adjusted - smoothed
        variation = (variation * 3 + deviation) / 4
        smoothed = (smoothed * 7 + adjusted) / 8
    }

    /// How long after a packet its loss is to be suspected, without back-off. The other side holds acknowledgements back for
    /// a quarter of a round trip as it measures it, and `acknowledgementDelay` at most.
    func probeTimeout(acknowledgementDelay: Duration) -> Duration {
        let patience = min(acknowledgementDelay, max(smoothed / 2, Self.granularity * 2))
        return smoothed + max(variation * 4, Self.granularity) + patience
    }

    /// The share of the round trip that packets spend waiting, as in a queue: what the smoothed one exceeds the least by.
    var waitingShare: Double {
        guard let minimum, smoothed > minimum else { return 0 }
        return 1 - minimum.inSeconds / smoothed.inSeconds
    }

    /// How much later than a packet a later one must be acknowledged for the first to count as lost.
    var lossDelay: Duration {
        max(max(smoothed, latest) * 9 / 8, Self.granularity)
    }
}
