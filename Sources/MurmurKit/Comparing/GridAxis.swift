package import Faults
package import SwarmFile

/// What a run of a grid is given: a topology, and the network that its simulated peers have.
package struct GridSetting: Sendable, Hashable {
    package var topology: SwarmTopology
    /// The share of the datagrams that is lost.
    package var loss = 0.0
    /// What goes wrong beside it, and the file that says so.
    package var faults = FaultSchedule.none
    package var faultsFile = "none"

    package init(_ topology: SwarmTopology) {
        self.topology = topology
    }

    /// The network with its faults.
    var schedule: FaultSchedule {
        var schedule = faults
        if loss > 0 { schedule.network.loss = .independent(loss) }
        return schedule
    }
}

/// Which arms of a comparison a key changes.
enum GridReach: Int, Sendable, Comparable {
    /// All arms.
    case everyone
    /// All whose records are dealt out: not pooled data.
    case dealt
    /// Those that exchange: FedAvg and gossip.
    case rounds
    /// Gossip alone.
    case gossip

    static func < (left: GridReach, right: GridReach) -> Bool { left.rawValue < right.rawValue }
}

/// A key that a grid may vary.
struct GridKey: Sendable {
    /// As in the topology file, with its sections: `tuning.local-steps`.
    let name: String
    /// Which values are allowed, in words.
    let values: String
    let reach: GridReach
    /// Whether it is among the settings that peers share, as long as it has a meaning beside the others.
    var isShared = false
    /// Puts the value that a text says into a setting. Throws a `TopologyError` for one that is not allowed.
    let set: @Sendable (String, inout GridSetting) throws -> Void

    static let learningRate = "tuning.learning-rate"
    static let localSteps = "tuning.local-steps"
    static let localEpochs = "tuning.local-epochs"
    static let rounds = "tuning.rounds"
    static let proximal = "tuning.proximal"

    /// All of them: keys of the topology file with single values, and the simulated network's.
    static let all: [GridKey] =
        section("tuning", \.tuning) { name in
            switch name {
            case "local-steps", "local-epochs", "rounds", "proximal": .rounds
            case "participation": .dealt
            default: .everyone
            }
        }
        + section("model.lora", \.model.lora) { _ in .everyone }
        // What is held out stays the same, so that all are measured by the same records.
        + section("data", \.data, without: ["source", "held-out"]) { _ in .everyone }
        + section("data.partition", \.data.partition) { _ in .dealt }
        + section("exchange", \.exchange) { _ in .gossip }
        + section("exchange.outer", \.exchange.outerSection, isPart: true) { _ in .gossip }
        + section("graph", \.graph, without: ["edges"]) { _ in .gossip }
        + [
            GridKey(name: "network.loss", values: "0 to below 1, or a percentage", reach: .gossip) { text, setting in
                let isPercent = text.hasSuffix("%")
                guard let number = Double(isPercent ? String(text.dropLast()) : text), number.isFinite,
                    (0..<1).contains(isPercent ? number / 100 : number)
                else {
                    throw TopologyError(
                        file: "", problem: "\"\(text)\" is not a share of lost datagrams; 0 to below 1, or a percentage"
                    )
                }
                setting.loss = isPercent ? number / 100 : number
            },
            GridKey(name: "network.faults", values: "none, or a fault file", reach: .gossip) { text, setting in
                setting.faults = text == "none" ? .none : try FaultSchedule.load(text)
                setting.faultsFile = text
            },
        ]

    /// - Parameter isPart: whether the section is the value of one key, in which the swarm agrees as a whole.
    private static func section<Section: KeyedSection>(
        _ name: String, _ path: any WritableKeyPath<SwarmTopology, Section> & Sendable, without: Set<String> = [],
        isPart: Bool = false, reach: (String) -> GridReach
    ) -> [GridKey] {
        Section.keys.compactMap { key in
            guard key.description.nested.isEmpty, !without.contains(key.name) else { return nil }
            switch key.description.argument {
            // Their values have commas of their own.
            case .list, .pairs: return nil
            case .word, .flag: break
            }
            return GridKey(
                name: "\(name).\(key.name)", values: key.description.values, reach: reach(key.name),
                isShared: key.description.isShared && !isPart
            ) { text, setting in try key.read(argument: text, into: &setting.topology[keyPath: path]) }
        }
    }
}

/// `--grid key=a,b,c`: a key, and the values that it has by turns.
package struct GridAxis: Sendable {
    let key: GridKey
    package let values: [String]

    package var name: String { key.name }

    /// - Throws: `CommandFailure` that names the key and what is allowed.
    package init(_ text: String) throws {
        let parts = text.split(separator: "=", maxSplits: 1).map(String.init)
        guard parts.count == 2 else {
            throw CommandFailure(
                "--grid \(text): a key and its values are expected, such as graph.kind=ring,exponential")
        }
        guard let key = GridKey.all.first(where: { $0.name == parts[0] }) else {
            throw CommandFailure(
                "--grid \(parts[0]): no key that can be varied; these can: "
                    + GridKey.all.map(\.name).joined(separator: ", "))
        }
        let values = parts[1].split(separator: ",", omittingEmptySubsequences: false).map(String.init)
        var seen: Set<String> = []
        for value in values where value.isEmpty || !seen.insert(value).inserted {
            throw CommandFailure(
                "--grid \(text): " + (value.isEmpty ? "a value is empty" : "\(value) is given twice")
                    + "; allowed: \(key.values)")
        }
        self.key = key
        self.values = values
    }

    /// Puts `value` into `setting`.
    ///
    /// - Throws: `CommandFailure`.
    func apply(_ value: String, to setting: inout GridSetting) throws {
        do {
            try key.set(value, &setting)
        } catch let error as TopologyError {
            let place = error.file.hasPrefix("--") || error.file.isEmpty ? error.problem : "\(error)"
            throw CommandFailure("--grid \(name)=\(value): \(place)")
        }
    }

    /// Axes of several `--grid`; a key stands in one of them.
    package static func all(_ texts: [String]) throws -> [GridAxis] {
        let axes = try texts.map { try GridAxis($0) }
        for (index, axis) in axes.enumerated() where axes[..<index].contains(where: { $0.name == axis.name }) {
            throw CommandFailure("--grid \(axis.name) is given twice; give all its values at once")
        }
        return axes
    }
}
