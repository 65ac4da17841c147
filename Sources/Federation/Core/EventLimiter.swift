import Basics

/// Bounds what one neighbour can make a peer tell: a burst of events of one kind, then one every ten seconds. Those that
/// are not told are counted, and the number is told with the next one. Without it a neighbour that offers useless
/// contributions as fast as it can fills the disk with refusals.
struct EventLimiter: Sendable {
    /// The kinds that a neighbour causes at will.
    enum Kind: Int, CaseIterable, Sendable {
        case refused, connected, disconnected, settings

        /// The name of the event.
        var name: String {
            switch self {
            case .refused: "contribution_refused"
            case .connected: "connected"
            case .disconnected: "disconnected"
            case .settings: "settings_differ"
            }
        }
    }

    /// Events that are told at once.
    static let burst = 16
    /// After these, one in so much time is told.
    static let interval = Duration.seconds(10)

    private struct Bucket: Sendable {
        var level = EventLimiter.burst
        var filledAt = MonotonicTime.zero
        var suppressed = 0
    }

    private var buckets = Kind.allCases.map { _ in Bucket() }

    /// Whether an event is to be told at `time`; then also how many of its kind were not since the last.
    mutating func admits(_ kind: Kind, at time: MonotonicTime) -> (isTold: Bool, suppressed: Int) {
        var bucket = buckets[kind.rawValue]
        defer { buckets[kind.rawValue] = bucket }
        let intervals = Int(((time - bucket.filledAt) / Self.interval).rounded(.down))
        if intervals > 0 {
            bucket.level = min(Self.burst, bucket.level + intervals)
            // Not `time`: what has passed of the interval under way counts for the next event.
            bucket.filledAt = bucket.filledAt + Self.interval * intervals
        }
        guard bucket.level > 0 else {
            bucket.suppressed += 1
            return (false, 0)
        }
        bucket.level -= 1
        defer { bucket.suppressed = 0 }
        return (true, bucket.suppressed)
    }

    /// How many events of a kind were not told since the last that was.
    func suppressed(_ kind: Kind) -> Int { buckets[kind.rawValue].suppressed }
}

extension PeerCore {
    /// Reports an event that the neighbour at `index` has caused, unless it has caused too many.
    mutating func report(
        _ event: PeerEvent.Kind, as kind: EventLimiter.Kind, about index: Int, at time: MonotonicTime
    ) {
        let (isTold, suppressed) = neighbours[index].limiter.admits(kind, at: time)
        guard isTold else { return }
        if suppressed > 0 {
            report(.suppressed(neighbours[index].id, kind: kind.name, count: suppressed), at: time)
        }
        report(event, at: time)
    }

    /// Tells how much was not told, at the end.
    mutating func reportSuppressed(at time: MonotonicTime) {
        for index in neighbours.indices {
            for kind in EventLimiter.Kind.allCases {
                let count = neighbours[index].limiter.suppressed(kind)
                guard count > 0 else { continue }
                report(.suppressed(neighbours[index].id, kind: kind.name, count: count), at: time)
            }
        }
    }
}
