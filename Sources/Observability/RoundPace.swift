/// How long a round takes, by when the last ones ended.
package struct RoundPace: Sendable, Hashable {
    /// The ends of rounds with training, in order: the round and seconds since 1970.
    private var ends: [End] = []

    private struct End: Sendable, Hashable {
        let round: Int
        let time: Double
    }

    /// Rounds whose lengths count.
    private static let memory = 8
    /// Lengths that are needed before they say anything: the first round may have waited for others to start.
    private static let enough = 2

    package init() {}

    /// A round with training ended. One that is done again, or that others were passed over for, begins anew.
    package mutating func ended(round: Int, at time: Double) {
        if let last = ends.last, round != last.round + 1 || time < last.time { ends = [] }
        ends.append(End(round: round, time: time))
        if ends.count > Self.memory + 1 { ends.removeFirst() }
    }

    /// The process began anew: what passed meanwhile was no round.
    package mutating func restart() { ends = [] }

    /// Seconds that a round takes: the median of the last ones; nil until there are some.
    package var secondsEach: Double? {
        guard ends.count > Self.enough else { return nil }
        let lengths = zip(ends.dropFirst(), ends).map { $0.time - $1.time }.sorted()
        return lengths[lengths.count / 2]
    }

    /// Seconds until `rounds` rounds with training are done, as seen at `now`; nil where it is not known.
    package func secondsLeft(of rounds: Int, at now: Double) -> Double? {
        guard let last = ends.last, let secondsEach else { return nil }
        let left = Double(max(0, rounds - 1 - last.round))
        // A round that takes longer than usual ends at any moment, for all that is known.
        return left == 0 ? 0 : (left - 1) * secondsEach + max(0, secondsEach - max(0, now - last.time))
    }
}

extension Readable {
    /// A length of time as `4.2 s`, `3:12` or `2:03:12`.
    package static func time(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e9 else { return "–" }
        guard seconds >= 60 else { return number(max(0, seconds), digits: seconds < 10 ? 1 : 0) + " s" }
        let whole = Int(seconds.rounded())
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let (hours, minutes, rest) = (whole / 3600, whole / 60 % 60, whole % 60)
        return hours > 0 ? "\(hours):\(two(minutes)):\(two(rest))" : "\(minutes):\(two(rest))"
    }
}
