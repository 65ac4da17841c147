import Aggregation
import Cryptography
package import Federation
import Foundation
package import SwarmFile

/// What trains: each is a run of its own.
package enum GridMethod: String, Sendable, Hashable, CaseIterable {
    case base, alone, gossip, fedavg
    /// All records at one place, in batches as large as all peers' together, as many steps.
    case pooledSteps = "pooled-steps"
    /// All records at one place, a peer's batches, as many records in all.
    case pooledRecords = "pooled-records"

    /// Whether what a key of this reach says changes anything.
    func depends(on reach: GridReach) -> Bool {
        switch self {
        case .base: false
        case .pooledSteps, .pooledRecords: reach <= .everyone
        case .alone: reach <= .dealt
        case .fedavg: reach <= .rounds
        case .gossip: true
        }
    }
}

/// One run: a method with its setting, rate and seed.
package struct GridRun: Sendable, Hashable {
    package let method: GridMethod
    package internal(set) var setting: GridSetting
    package let seed: UInt64
    /// The learning rate as the command line has it; nil where nothing is trained.
    package let rate: String?
}

/// A method under one setting: a row of the comparison, whose learning rate is still to be chosen.
package struct GridCell: Sendable, Hashable {
    /// A key and its value.
    package struct Label: Sendable, Hashable {
        package let key: String
        package let value: String
    }

    package let method: GridMethod
    /// What the grid says that matters to the method.
    package let labels: [Label]
    package let setting: GridSetting
    /// The cells with the same model and records, whatever the rounds: of these one is FedAvg's best.
    package let records: [Label]
}

/// The settings of a grid, and which runs they need.
package struct GridPlan: Sendable {
    package let base: GridSetting
    package let axes: [GridAxis]
    package let seeds: [UInt64]
    /// The seeds that learning rates are chosen with, the first of all.
    package let sweepSeeds: [UInt64]
    /// The learning rates, as the command line or the file has them.
    package let rates: [String]
    /// By method, in their order; then in the order of the axes' values.
    package let cells: [GridCell]

    /// - Parameter sweepSeeds: with how many of the seeds rates are chosen; nil for all.
    /// - Throws: `CommandFailure` for settings that do not go together, which are named.
    package init(_ topology: SwarmTopology, axes: [GridAxis], seeds: Int, sweepSeeds: Int?) throws {
        base = GridSetting(topology)
        self.axes = axes
        self.seeds = (0..<UInt64(seeds)).map { topology.swarm.seed &+ $0 }
        self.sweepSeeds = Array(self.seeds.prefix(sweepSeeds ?? seeds))
        let rateAxis = axes.first { $0.name == GridKey.learningRate }
        rates = rateAxis?.values ?? ["\(topology.tuning.learningRate)"]
        for rate in rates {
            var setting = base
            try rateAxis?.apply(rate, to: &setting)
        }
        let others = axes.filter { $0.name != GridKey.learningRate }
        cells = try Self.cells(base, others)
    }

    private static func cells(_ base: GridSetting, _ axes: [GridAxis]) throws -> [GridCell] {
        var settings: [(labels: [(GridAxis, String)], setting: GridSetting)] = []
        for choice in combinations(of: axes) {
            let setting = try setting(base, choice)
            // A key that has no meaning beside the others, as alpha beside shards, tells nothing apart.
            let present = Set(setting.topology.sharedSettings.map(\.key))
            let labels = choice.filter { axis, _ in !axis.key.isShared || present.contains(axis.name) }
            settings.append((labels, setting))
        }
        let totals = Set(settings.map(\.setting.topology.tuning.totalWork))
        var cells: [GridCell] = []
        for method in GridMethod.allCases {
            var seen: Set<[GridCell.Label]> = []
            for (choice, setting) in settings {
                var labels = choice.filter { method.depends(on: $0.0.key.reach) }
                    .map { GridCell.Label(key: $0.0.name, value: $0.1) }
                if totals.count > 1, method != .base, !method.depends(on: .rounds) {
                    labels.append(.init(key: GridCell.Label.steps, value: setting.topology.tuning.totalWork))
                }
                guard seen.insert(labels).inserted else { continue }
                let records = choice.filter { $0.0.name.hasPrefix("data.") || $0.0.name.hasPrefix("model.") }
                    .map { GridCell.Label(key: $0.0.name, value: $0.1) }
                cells.append(GridCell(method: method, labels: labels, setting: setting, records: records))
            }
        }
        return cells
    }

    private static func combinations(of axes: [GridAxis]) -> [[(GridAxis, String)]] {
        axes.reduce([[]]) { list, axis in
            list.flatMap { choice in axis.values.map { choice + [(axis, $0)] } }
        }
    }

    /// The setting of one combination, checked as a file with it would be.
    private static func setting(_ base: GridSetting, _ choice: [(GridAxis, String)]) throws -> GridSetting {
        var setting = base
        for (axis, value) in choice { try axis.apply(value, to: &setting) }
        let names = Set(choice.map(\.0.name))
        let words = choice.map { "\($0.0.name)=\($0.1)" }.joined(separator: ", ")
        // One stands in place of the other.
        if names.contains(GridKey.localSteps) {
            setting.topology.tuning.localEpochs = nil
        } else if names.contains(GridKey.localEpochs) {
            setting.topology.tuning.localSteps = SwarmTopology.Tuning.defaults.localSteps
        }
        if names.contains(GridKey.localSteps), base.topology.tuning.localEpochs == nil, !names.contains(GridKey.rounds)
        {
            // Equal budgets: as many steps as in the file.
            let (total, steps) = (base.topology.tuning.totalSteps, setting.topology.tuning.localSteps)
            guard total % steps == 0 else {
                throw CommandFailure(
                    "--grid \(GridKey.localSteps)=\(steps): the file's \(total) steps (rounds × local-steps) are no multiple "
                        + "of it; allowed: their divisors, or give \(GridKey.rounds) too")
            }
            setting.topology.tuning.rounds = total / steps
        }
        if names.contains("exchange.mixing"), !names.contains("exchange.compression"),
            !setting.topology.exchange.mixing.allowsCopies
        {
            // As a file that leaves it out.
            setting.topology.exchange.compression = .none
        }
        do {
            setting.topology = try SwarmTopology.parse(setting.topology.yaml, file: "--grid")
        } catch let error as TopologyError {
            throw CommandFailure("--grid \(words): \(error.key.map { "\($0): " } ?? "")\(error.problem)")
        }
        return setting
    }

    /// The run of `cell` with this seed and rate.
    package func run(_ cell: GridCell, seed: UInt64, rate: String) -> GridRun {
        var setting = cell.setting
        setting.topology.swarm.seed = seed
        guard cell.method != .base else { return GridRun(method: .base, setting: setting, seed: seed, rate: nil) }
        setting.topology.tuning.learningRate = Double(rate) ?? setting.topology.tuning.learningRate
        return GridRun(method: cell.method, setting: setting, seed: seed, rate: rate)
    }

    /// The runs that rates are chosen by.
    package var sweep: [GridRun] {
        cells.flatMap { cell in
            (cell.method == .base ? Array(rates.prefix(1)) : rates).flatMap { rate in
                sweepSeeds.map { run(cell, seed: $0, rate: rate) }
            }
        }
    }
}

extension GridRun {
    /// What its figures depend on, so far as the topology file and the command line say it: runs that agree in it, in the
    /// model's and in the records' digest have the same figures.
    package func settings(beside others: [SettingsFingerprint.Entry]) -> SettingsFingerprint {
        let topology = setting.topology
        var entries = others
        entries.append(.init("method", method.rawValue))
        entries.append(.init("swarm.seed", "\(seed)"))
        entries.append(.init("peers", topology.peers.map(\.name).joined(separator: ", ")))
        for (key, value) in topology.sharedSettings where isRead(key) { entries.append(.init(key, value)) }
        if method != .base {
            entries.append(.init("tuning.precision", topology.tuning.precision.rawValue))
            entries.append(.init("steps", topology.tuning.totalWork))
        }
        if method == .alone, topology.tuning.participation < 1 {
            entries.append(.init("rounds", "\(topology.tuning.rounds)"))
        }
        if method == .gossip {
            entries.append(.init("network", "\(setting.schedule)"))
            entries.append(.init("exchange.round-deadline", "\(topology.exchange.roundDeadline ?? -1)"))
        }
        return SettingsFingerprint(entries)
    }

    private func isRead(_ key: String) -> Bool {
        if key == "peers" || key == "swarm.name" || key == "swarm.seed" { return false }
        if method == .base { return key == "tuning.template" || key == "tuning.cutoff" || key.hasPrefix("data.held") }
        if key.hasPrefix("data.partition.") { return method.depends(on: .dealt) }
        if key.hasPrefix("exchange.") || key.hasPrefix("graph.") { return method == .gossip }
        switch key {
        case GridKey.localSteps, GridKey.localEpochs, GridKey.rounds, GridKey.proximal:
            return method.depends(on: .rounds)
        // Pooled data have as large a batch, or as many steps, as the peers that train.
        default: return true
        }
    }
}
