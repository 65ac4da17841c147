package import Basics

/// CUBIC (RFC 9438): after a loss the window grows along a cubic curve of the time since, flat around where the loss
/// happened; where NewReno would be faster, as fast as that. Slow start ends early when round trips grow longer
/// (HyStart++, RFC 9406), before queues on the way are full.
///
/// Floating point, but only sums, products, quotients and square roots of it, which are the same everywhere.
package struct Cubic: CongestionController {
    package private(set) var window: Int
    private var packetByteCount: Int
    private var threshold = Int.max
    private var recoveryStart: MonotonicTime?
    private var slowStart = SlowStart()

    // In packets; the curve's origin, its distance in seconds from the epoch's start, and what NewReno would have.
    private var greatestWindow = 0.0
    private var epochStart: MonotonicTime?
    private var plateauTime = 0.0
    private var friendlyWindow = 0.0
    private var fraction = 0.0

    private static let scale = 0.4
    private static let decrease = 0.7
    /// Growth a round trip, in packets, with which a flow that loses 0.3 of its window is as fast as NewReno.
    private static let friendlyGrowth = 3 * (1 - decrease) / (1 + decrease)

    /// A window of ten packets of `packetByteCount` bytes to begin with.
    package init(packetByteCount: Int) {
        self.packetByteCount = packetByteCount
        window = 10 * packetByteCount
    }

    package var isInSlowStart: Bool { window < threshold }

    package mutating func use(packetByteCount: Int) {
        let ratio = Double(self.packetByteCount) / Double(packetByteCount)
        self.packetByteCount = packetByteCount
        // The curve counts packets, of which longer ones are fewer.
        greatestWindow *= ratio
        friendlyWindow *= ratio
        window = max(window, 2 * packetByteCount)
    }

    package mutating func acknowledged(
        byteCount: Int, sent: MonotonicTime, isLimiting: Bool, roundTrip: Duration, at time: MonotonicTime
    ) {
        if let recoveryStart, sent <= recoveryStart { return }
        guard isLimiting else {
            // Time without anything to send is not time in which the window may grow.
            epochStart = nil
            return
        }
        if isInSlowStart {
            window += slowStart.isConservative ? byteCount / SlowStart.conservativeDivisor : byteCount
        } else {
            grow(byteCount: byteCount, roundTrip: roundTrip, at: time)
        }
        window = min(window, CongestionLimits.window(packetByteCount: packetByteCount))
    }

    private mutating func grow(byteCount: Int, roundTrip: Duration, at time: MonotonicTime) {
        let present = Double(window) / Double(packetByteCount)
        let packets = Double(byteCount) / Double(packetByteCount)
        if epochStart == nil {
            epochStart = time
            friendlyWindow = present
            if present < greatestWindow {
                // K of RFC 9438, section 4.2.
                plateauTime = Self.cubeRoot((greatestWindow - present) / Self.scale)
            } else {
                plateauTime = 0
                greatestWindow = present
            }
        }
        let elapsed = (time - epochStart!).inSeconds
        // W_est of RFC 9438, section 4.3; from where the loss was it grows as fast as NewReno.
        friendlyWindow += (friendlyWindow < greatestWindow ? Self.friendlyGrowth : 1) * packets / present
        let distance = elapsed - plateauTime
        let now = Self.scale * distance * distance * distance + greatestWindow
        if now < friendlyWindow {
            add(packets: max(0, friendlyWindow - present))
        } else {
            // Where the curve will be in a round trip, but not more than half as much again (RFC 9438, section 4.2).
            let ahead = distance + roundTrip.inSeconds
            let target = min(
                max(Self.scale * ahead * ahead * ahead + greatestWindow, present), 1.5 * present)
            add(packets: (target - present) / present * packets)
        }
    }

    private mutating func add(packets: Double) {
        let bytes = packets * Double(packetByteCount) + fraction
        let whole = Int(bytes)
        // What is less than a byte is kept: acknowledgements of single packets would otherwise add nothing to a wide
        // window.
        fraction = bytes - Double(whole)
        window += whole
    }

    package mutating func lost(sent: MonotonicTime, at time: MonotonicTime) {
        if let recoveryStart, sent <= recoveryStart { return }
        recoveryStart = time
        epochStart = nil
        let present = Double(window) / Double(packetByteCount)
        // Who had less than before makes room for newcomers.
        greatestWindow = present < greatestWindow ? present * (1 + Self.decrease) / 2 : present
        threshold = max(Int(Double(window) * Self.decrease), 2 * packetByteCount)
        window = threshold
    }

    package mutating func collapsed() {
        window = 2 * packetByteCount
        recoveryStart = nil
        epochStart = nil
    }

    package mutating func measured(roundTrip: Duration, sent: MonotonicTime, at time: MonotonicTime) {
        guard isInSlowStart else { return }
        if slowStart.measured(roundTrip: roundTrip, sent: sent, at: time) { threshold = window }
    }

    /// The cube root of a number that is not negative, by Newton's method.
    static func cubeRoot(_ value: Double) -> Double {
        // Not the C library's `cbrt`, whose last bit differs from one to the next: a seed has to give the same run
        // everywhere.
        guard value > 0 else { return 0 }
        var root = max(value.squareRoot(), 1e-3)
        for _ in 0..<60 {
            let next = (2 * root + value / (root * root)) / 3
            if abs(next - root) <= 1e-12 * root { return next }
            root = next
        }
        return root
    }
}

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

    // All but `leastSampleCount` are those of RFC 9406, section 4.3.
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
        // A round is over with the first packet that is acknowledged and was sent after the round began.
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
