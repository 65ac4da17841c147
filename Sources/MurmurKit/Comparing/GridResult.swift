package import Foundation
import SwarmFile

/// What a grid of comparisons found: each arm under each setting, at its own best learning rate.
package struct GridResult: Sendable {
    /// A way to tune, or a figure of one.
    package enum Arm: String, Sendable, Hashable, CaseIterable {
        case base, alone, once, gossip, fedavg
        case pooledSteps = "pooled-steps"
        case pooledRecords = "pooled-records"

        package var method: GridMethod {
            switch self {
            case .base: .base
            case .alone, .once: .alone
            case .gossip: .gossip
            case .fedavg: .fedavg
            case .pooledSteps: .pooledSteps
            case .pooledRecords: .pooledRecords
            }
        }

        var group: GridOutcome.Group {
            switch self {
            case .base: .base
            case .alone: .alone
            case .once: .once
            case .gossip: .gossip
            case .fedavg: .fedavg
            case .pooledSteps, .pooledRecords: .pooled
            }
        }

        package var title: String {
            switch self {
            case .base: "base model"
            case .alone: "alone, mean"
            case .once: "averaged once at the end"
            case .gossip: "gossip"
            case .fedavg: "FedAvg"
            case .pooledSteps: "pooled, same steps"
            case .pooledRecords: "pooled, same records"
            }
        }
    }

    /// An arm under a setting.
    package struct Row: Sendable {
        package let arm: Arm
        package let cell: GridCell
        /// The rate that was chosen; nil where none has figures, and for the base model.
        package let choice: RateChoice?
        /// At the chosen rate, by seed; nil where there is none.
        package let outcomes: [GridOutcome?]
    }

    package let plan: GridPlan
    package let measure: GridBench.Measure
    package let rows: [Row]
    /// All that was run, in the order of the plan.
    package let runs: [(run: GridRun, outcome: GridOutcome)]
    /// When and how it came about; nil where nobody says. No figure depends on it.
    package var effort: GridEffort?
    private let outcomes: [GridRun: GridOutcome]

    /// Chooses rates among `outcomes`, which hold what was run so far.
    package init(_ plan: GridPlan, _ measure: GridBench.Measure, _ outcomes: [GridRun: GridOutcome]) {
        self.plan = plan
        self.measure = measure
        self.outcomes = outcomes
        var rows: [Row] = []
        for arm in Arm.allCases {
            for cell in plan.cells where cell.method == arm.method {
                let choice = arm == .base ? nil : Self.choice(arm, cell, plan, outcomes)
                let rate = arm == .base ? plan.rates.first : choice?.rate
                let found = plan.seeds.map { seed in
                    rate.flatMap { outcomes[plan.run(cell, seed: seed, rate: $0)] }
                }
                rows.append(Row(arm: arm, cell: cell, choice: choice, outcomes: found))
            }
        }
        self.rows = rows
        let all = Set(outcomes.keys)
        var runs: [(run: GridRun, outcome: GridOutcome)] = []
        for cell in plan.cells {
            for rate in cell.method == .base ? Array(plan.rates.prefix(1)) : plan.rates {
                for seed in plan.seeds {
                    let run = plan.run(cell, seed: seed, rate: rate)
                    if all.contains(run), let outcome = outcomes[run] { runs.append((run, outcome)) }
                }
            }
        }
        self.runs = runs
    }

    private static func choice(
        _ arm: Arm, _ cell: GridCell, _ plan: GridPlan, _ outcomes: [GridRun: GridOutcome]
    ) -> RateChoice? {
        RateChoice(
            plan.rates.map { rate in
                (
                    rate,
                    plan.sweepSeeds.map { seed in
                        outcomes[plan.run(cell, seed: seed, rate: rate)].flatMap { $0.mean(arm.group, \.validation) }
                    }
                )
            })
    }

    /// Why `row` has no mean at `rate`, seed by seed: peers that were left out are named.
    func reasons(_ row: Row, rate: String) -> [String] {
        plan.seeds.flatMap { seed -> [String] in
            guard let outcome = outcomes[plan.run(row.cell, seed: seed, rate: rate)] else { return [] }
            return (outcome.leftOut + (outcome.failure.map { [$0] } ?? [])).map { "seed \(seed), \($0)" }
        }
    }

    /// The runs that the chosen rates still need.
    package var missing: [GridRun] {
        var seen: Set<GridRun> = []
        var missing: [GridRun] = []
        for row in rows {
            guard let rate = row.arm == .base ? plan.rates.first : row.choice?.rate else { continue }
            for (seed, outcome) in zip(plan.seeds, row.outcomes) where outcome == nil {
                let run = plan.run(row.cell, seed: seed, rate: rate)
                if seen.insert(run).inserted { missing.append(run) }
            }
        }
        return missing
    }
}

extension GridOutcome {
    /// The mean over a group; nil where one of it has no figure, so that nobody who was left out is averaged away.
    package func mean(_ group: Group, _ figure: (Row) -> Double?) -> Double? {
        guard failure == nil else { return nil }
        let all = rows(group).map(figure)
        let known = all.compactMap(\.self)
        return known.isEmpty || known.count < all.count ? nil : known.reduce(0, +) / Double(known.count)
    }

    /// The least and the greatest held-out loss of a group; nil where one of it has none.
    package func range(_ group: Group) -> ClosedRange<Double>? {
        guard failure == nil else { return nil }
        let all = rows(group).map(\.heldOut)
        let known = all.compactMap(\.self)
        guard known.count == all.count, let least = known.min(), let most = known.max() else { return nil }
        return least...most
    }
}

extension GridResult.Row {
    /// Mean loss on the validation part at the chosen rate.
    package var validation: Double? { choice?.losses.first { $0.rate == choice?.rate }?.mean }
    /// Held-out losses by seed.
    package var losses: [Double?] { outcomes.map { $0?.mean(arm.group, \.heldOut) } }
    /// By seed; nil where no answers were generated.
    package var exactMatches: [Double?] { outcomes.map { $0?.mean(arm.group, \.exactMatch) } }
    /// Mean loss of the peers before settling, the worst of them, and the loss of their average.
    package var unsettled: [Double?] { outcomes.map { $0?.mean(.unsettled, \.heldOut) } }
    package var worstUnsettled: [Double?] { outcomes.map { $0?.range(.unsettled)?.upperBound } }
    package var average: [Double?] { outcomes.map { $0?.mean(.average, \.heldOut) } }
    /// Bytes that a peer sent, and before settling.
    package var bytes: Double? { Self.mean(outcomes.map { $0?.bytesPerPeer }) }
    package var bytesUnsettled: Double? {
        Self.mean(
            outcomes.map { outcome in
                outcome?.bytesUnsettled.flatMap { $0.isEmpty ? nil : Double($0.reduce(0, +)) / Double($0.count) }
            })
    }

    static func mean(_ values: [Double?]) -> Double? { SeedInterval(values.compactMap(\.self))?.mean }

    /// Who has no figure, and why, with the seed.
    package func remarks(seeds: [UInt64]) -> [String] {
        var remarks: [String] = []
        for (seed, outcome) in zip(seeds, outcomes) {
            guard let outcome else {
                remarks.append("seed \(seed) has no run")
                continue
            }
            if let failure = outcome.failure { remarks.append("seed \(seed): \(failure)") }
            if !outcome.leftOut.isEmpty {
                remarks.append("seed \(seed), left out: \(outcome.leftOut.joined(separator: "; "))")
            }
            if outcome.missed > 0 {
                remarks.append("seed \(seed): peers went on without \(outcome.missed) contributions")
            }
        }
        return remarks
    }
}

/// When a grid was compared, and what it took. Its figures do not depend on it.
package struct GridEffort: Sendable, Equatable {
    /// When the command was given.
    package var start: Date
    /// Wall time in seconds.
    package var seconds: Double
    /// How many runs were performed; the others were kept from before.
    package var performed: Int

    package init(start: Date, seconds: Double, performed: Int) {
        self.start = start
        self.seconds = seconds
        self.performed = performed
    }
}
