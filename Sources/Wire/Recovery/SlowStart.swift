import Basics

/// When slow start is to end although nothing is lost: HyStart++ (RFC 9406). Rounds that take clearly longer than the one
/// before mean that a queue is filling; the window then grows four times more slowly, and if that does not help, slow
/// start ends.
struct SlowStart: Sendable {
    private var roundEnd = MonotonicTime.zero
    private var lastLeast: Duration?
    private var least: Duration?
    private var samples = 0
    private var conservativeRounds = 0
    private var baseline: Duration?

    private static let sampleCount = 8
    private static let leastSampleCount = 2
    private static let thresholds = (least: Duration.milliseconds(4), greatest: Duration.milliseconds(16))
    private static let conservativeRoundLimit = 5
    /// How many times more slowly the window grows after round trips have become longer.
    static let conservativeDivisor = 4

    /// Whether the window should grow more slowly.
    var isConservative: Bool { baseline != nil }

    /// Takes in a round trip of a packet sent at `sent`.
    ///
    /// - Returns: whether slow start is to end.
    mutating func measured(roundTrip: Duration, sent: MonotonicTime, at time: MonotonicTime) -> Bool {
        if sent >= roundEnd {
            // Where acknowledgements are few, what a whole round has shown counts.
            if samples >= Self.leastSampleCount { judge() }
            roundEnd = time
            lastLeast = least
            least = nil
            samples = 0
            if isConservative {
                conservativeRounds += 1
                if conservativeRounds >= Self.conservativeRoundLimit { return true }
            }
        }
        least = min(least ?? roundTrip, roundTrip)
        samples += 1
        if samples >= Self.sampleCount { judge() }
        return false
    }

    /// Compares the round's least round trip with that of the one before.
    private mutating func judge() {
        guard let least, let lastLeast else { return }
        if let base = baseline {
            // It was a passing delay.
            if least < base {
                baseline = nil
                conservativeRounds = 0
            }
        } else if least >= lastLeast + max(Self.thresholds.least, min(lastLeast / 8, Self.thresholds.greatest)) {
            baseline = least
            conservativeRounds = 0
        }
    }
}
