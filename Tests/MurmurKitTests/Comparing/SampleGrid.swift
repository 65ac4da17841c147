import MurmurKit
import SwarmFile

/// Results of grids that were never run: losses as a test wants them, for what is made of them.
enum SampleGrid {
    /// Held-out losses of one run's adapters; the validation part's are the same.
    struct Losses {
        var base = 4.0
        var alone = 2.0
        var once = 1.75
        var gossip = 1.5
        var fedavg = 1.5
        var pooled = 1.25
        var bytes = 1_000_000
    }

    /// Small differences of five seeds whose mean is zero.
    static let wobble = [-0.01, 0.01, 0, 0.005, -0.005]

    /// The value that a run has of a key.
    static func value(_ run: GridRun, _ key: String) -> String {
        run.setting.topology.sharedSettings.first { $0.key == key }?.value ?? ""
    }

    /// A grid of four peers.
    ///
    /// - Parameters:
    ///   - losses: by run and the place of its seed.
    ///   - change: what else is so of a run.
    static func result(
        _ grid: [String] = [], seeds: Int = 5, sweepSeeds: Int? = nil, peers: [String] = ["ada", "bob", "cyd", "eve"],
        losses: (GridRun, Int) -> Losses = { _, _ in Losses() },
        change: (GridRun, inout GridOutcome) -> Void = { _, _ in }
    ) throws -> GridResult {
        let plan = try GridPlanTests.plan(grid, seeds: seeds, sweepSeeds: sweepSeeds)
        var outcomes: [GridRun: GridOutcome] = [:]
        for cell in plan.cells {
            for rate in plan.rates {
                for (place, seed) in plan.seeds.enumerated() {
                    let run = plan.run(cell, seed: seed, rate: rate)
                    var outcome = outcome(run.method, losses(run, place), peers)
                    change(run, &outcome)
                    outcomes[run] = outcome
                }
            }
        }
        return GridResult(plan, .init(), outcomes)
    }

    private static func outcome(_ method: GridMethod, _ losses: Losses, _ peers: [String]) -> GridOutcome {
        func row(_ group: GridOutcome.Group, _ loss: Double, _ peer: String = "") -> GridOutcome.Row {
            .init(group: group, peer: peer, validation: loss, heldOut: loss)
        }
        var outcome = GridOutcome()
        switch method {
        case .base: outcome.rows = [row(.base, losses.base)]
        case .alone: outcome.rows = peers.map { row(.alone, losses.alone, $0) } + [row(.once, losses.once)]
        case .fedavg: outcome.rows = [row(.fedavg, losses.fedavg)]
        case .pooledSteps, .pooledRecords: outcome.rows = [row(.pooled, losses.pooled)]
        case .gossip: outcome.rows = peers.map { row(.gossip, losses.gossip, $0) }
        }
        if method == .gossip || method == .fedavg { outcome.bytes = peers.map { _ in losses.bytes } }
        return outcome
    }
}
