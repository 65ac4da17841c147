import Foundation
import SwarmFile

extension FaultSchedule {
    /// The version of the file format, the value of the first key, `murmuration-faults`.
    package static let formatVersion = 1
    /// The most entries of each of the file's lists.
    static let maximumEntries = 10_000

    /// Reads and checks the fault file at `path`.
    ///
    /// Throws a `TopologyError` that says where the mistake is and what is allowed.
    package static func load(_ path: String) throws -> FaultSchedule {
        try parse(try TopologyValue.contents(of: path, named: path), file: path)
    }

    /// Reads and checks the text of a fault file that messages call `file`. docs/simulation-reference.md has every key.
    package static func parse(_ text: String, file: String) throws -> FaultSchedule {
        let section = try TopologyValue.root(of: text, file: file).section(keys: [
            "murmuration-faults", "name", "seed", "healing", "network", "links", "partitions", "peers", "intruders",
        ])
        _ = try section.required("murmuration-faults").integer(in: formatVersion...formatVersion)
        let name = try section.required("name")
        try SwarmTopology.checkName(name)
        var schedule = FaultSchedule(name: try name.text(), seed: try section["seed"]?.seed())
        if let healing = section["healing"] {
            schedule.healing = try healing.duration()
        } else if let key = ["links", "partitions", "peers", "intruders"].first(where: { section[$0] != nil }) {
            throw section[key]!.error(
                "faults need an end: give healing, the time from which on only the network's own conditions act")
        }
        if let network = section["network"] {
            schedule.network = try readConditions(network.section(keys: conditionKeys))
        }
        let healing = schedule.healing
        schedule.links = try entries(section["links"]).map { try readLink($0, healing: healing) }
        schedule.partitions = try entries(section["partitions"]).map { try readPartition($0, healing: healing) }
        schedule.peers = try entries(section["peers"]).map { try readPeerFault($0, healing: healing) }
        schedule.intruders = try entries(section["intruders"]).map { try readIntruder($0, healing: healing) }
        return schedule
    }

    private static func entries(_ value: TopologyValue?) throws -> [TopologyValue] {
        guard let value else { return [] }
        let list = try value.list()
        guard list.count <= maximumEntries else { throw value.error("at most \(maximumEntries) entries are allowed") }
        return list
    }

    /// `start` and, where the fault has one, `end`.
    static func readInterval(_ section: TopologySection, healing: Duration) throws -> FaultInterval {
        var interval = FaultInterval()
        if let start = section["start"] { interval.from = try start.duration() }
        guard interval.from < healing else {
            throw (section["start"] ?? section.place).error(
                "the fault begins at \(FaultText.duration(interval.from)) and all faults end with the healing at "
                    + "\(FaultText.duration(healing)); begin it earlier or heal later")
        }
        if let end = section["end"] {
            let until = try end.duration()
            guard until > interval.from else {
                throw end.error(
                    "the end \(FaultText.duration(until)) is not after the start \(FaultText.duration(interval.from))")
            }
            interval.until = until
        }
        return interval
    }

    private static func readPartition(_ value: TopologyValue, healing: Duration) throws -> NetworkPartition {
        let shapes = ["groups", "isolate", "one-way", "bridge", "swizzle"]
        let section = try value.section(keys: ["start", "end"] + shapes)
        let given = shapes.filter { section[$0] != nil }
        guard given.count == 1, let place = section[given[0]] else {
            throw value.error(
                given.isEmpty
                    ? "the shape is missing; give one of \(shapes.joined(separator: ", "))"
                    : "\(given.joined(separator: " and ")) are two shapes; give one of \(shapes.joined(separator: ", "))"
            )
        }
        let shape: NetworkPartition.Shape
        switch given[0] {
        case "groups":
            let groups = try place.list()
            guard (1...1000).contains(groups.count) else { throw place.error("1 to 1000 groups are allowed") }
            shape = .groups(try groups.map { try $0.peers() })
        case "isolate": shape = .isolate(try place.peers())
        case "one-way":
            let way = try place.section(keys: ["from", "to"])
            shape = .oneWay(from: try way.required("from").peers(), to: try way.required("to").peers())
        case "bridge": shape = .bridge(try place.peers())
        default: shape = .swizzle(try place.peers())
        }
        return NetworkPartition(interval: try readInterval(section, healing: healing), shape: shape)
    }

    private static func readIntruder(_ value: TopologyValue, healing: Duration) throws -> Intruder {
        let section = try value.section(keys: ["start", "end", "kind", "pause"])
        var intruder = Intruder(
            interval: try readInterval(section, healing: healing),
            kind: try section.required("kind").choice(Intruder.Kind.self))
        if let pause = section["pause"] { intruder.pause = try pause.duration(in: .milliseconds(1) ... .seconds(3600)) }
        return intruder
    }
}
