import SwarmFile

extension FaultSchedule {
    /// The keys of `network`.
    static let conditionKeys = [
        "delay", "loss", "duplicate", "reorder", "reorder-delay", "corrupt", "truncate", "maximum-datagram", "rate",
        "queue",
    ]

    /// One of `links`.
    static func readLink(_ value: TopologyValue, healing: Duration) throws -> LinkFault {
        let section = try value.section(
            keys: ["start", "end", "from", "to", "one-way"] + conditionKeys + ["blocked", "clogged"])
        let link = LinkFault(
            interval: try readInterval(section, healing: healing), from: try section["from"]?.peers() ?? .all,
            to: try section["to"]?.peers() ?? .all, isMutual: try section["one-way"]?.flag() != true,
            conditions: try readConditions(section))
        guard link.conditions != LinkConditions() else {
            throw value.error(
                "nothing is said of the links; give one of \((conditionKeys + ["blocked", "clogged"]).joined(separator: ", "))"
            )
        }
        return link
    }

    /// What links do to datagrams.
    static func readConditions(_ section: TopologySection) throws -> LinkConditions {
        LinkConditions(
            delay: try section["delay"].map(readDelay), loss: try section["loss"].map(readLoss),
            duplicate: try section["duplicate"]?.share(), reorder: try section["reorder"]?.share(),
            reorderDelay: try section["reorder-delay"]?.duration(in: longestDelay),
            corrupt: try section["corrupt"]?.share(), truncate: try section["truncate"]?.share(),
            maximumDatagram: try section["maximum-datagram"]?.integer(in: 1...65_535),
            rate: try section["rate"]?.rate(), queue: try section["queue"]?.integer(in: 1500...1 << 30),
            isBlocked: try section["blocked"]?.flag(), isClogged: try section["clogged"]?.flag())
    }

    private static let longestDelay = Duration.zero...Duration.seconds(3600)

    private static func readDelay(_ value: TopologyValue) throws -> DelayDistribution {
        if value.isSingle { return .fixed(try value.duration(in: longestDelay)) }
        let kinds = ["uniform", "normal", "exponential"]
        let section = try value.section(keys: kinds)
        let given = kinds.filter { section[$0] != nil }
        guard given.count == 1, let place = section[given[0]] else {
            throw value.error("one distribution is expected: \(kinds.joined(separator: ", "))")
        }
        switch given[0] {
        case "uniform":
            let ends = try place.list()
            guard ends.count == 2 else { throw place.error("two durations are expected, such as [10ms, 40ms]") }
            let least = try ends[0].duration(in: longestDelay)
            let most = try ends[1].duration(in: longestDelay)
            guard least <= most else { throw ends[1].error("the longest delay is shorter than the shortest") }
            return .uniform(least, most)
        case "normal":
            let parts = try place.section(keys: ["mean", "deviation"])
            return .normal(
                mean: try parts.required("mean").duration(in: longestDelay),
                deviation: try parts.required("deviation").duration(in: longestDelay))
        default:
            let parts = try place.section(keys: ["minimum", "mean"])
            return .exponential(
                minimum: try parts["minimum"]?.duration(in: longestDelay) ?? .zero,
                mean: try parts.required("mean").duration(in: longestDelay))
        }
    }

    private static func readLoss(_ value: TopologyValue) throws -> LossModel {
        if value.isSingle { return .independent(try value.share()) }
        let section = try value.section(keys: ["to-bad", "to-good", "good-loss", "bad-loss"])
        return .gilbertElliott(
            toBad: try section.required("to-bad").share(), toGood: try section.required("to-good").share(),
            goodLoss: try section["good-loss"]?.share() ?? 0, badLoss: try section["bad-loss"]?.share() ?? 1)
    }
}
