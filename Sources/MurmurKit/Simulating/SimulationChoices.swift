package import Faults
package import Simulation
package import SwarmFile

/// What `murmur simulate` is asked for.
package struct SimulationChoices: Sendable {
    /// The topology file, as the command line has it.
    package var topologyPath: String
    /// The fault file; nil for none.
    package var faultsPath: String?
    /// Whether faults of all kinds are drawn from the seed.
    package var drawsFaults = false
    /// Whether a peer that is not honest is drawn too.
    package var drawsByzantine = false
    package var trainer = TrainerChoice.quadratic
    /// Seconds of virtual time that local steps take, about; nil for 1, or what was recorded.
    package var trainingTime: Double?
    /// Values of the toy adapter.
    package var values = Self.usualValues
    /// The round in which the run ends, counted from zero; nil for a run to the end.
    package var lastRound: Int?
    /// Seconds of virtual time after which a run is given up.
    package var limit = Self.usualLimit
    /// Whether the cryptography is real.
    package var hasCryptography = true
    /// Whether the peers' actors run too (tier B).
    package var runsActors = false
    /// Whether each seed runs on both tiers.
    package var runsBothTiers = false

    package static let usualValues = 64
    package static let usualLimit = 14_400.0

    package init(topologyPath: String) {
        self.topologyPath = topologyPath
    }

    /// How long local steps take, about.
    package var duration: Duration { .microseconds(Int64((trainingTime ?? 1) * 1e6)) }

    /// The scenario of a seed. `written` is the fault file's schedule, `training` who trains if not the toy.
    package func scenario(
        _ topology: SwarmTopology, _ written: FaultSchedule?, _ training: (any SwarmTraining)?, seed: UInt64
    ) -> SimulationScenario {
        let isDrawn = drawsFaults || drawsByzantine
        let faults: FaultSchedule =
            isDrawn ? .drawn(seed: seed, temper: .init(hasByzantine: drawsByzantine)) : written ?? .none
        var scenario = SimulationScenario(
            topology: topology, faults: faults, seed: seed, adapterCount: values, trainingTime: duration,
            limit: .seconds(limit))
        scenario.training = training
        if runsActors { scenario.tier = .actors }
        scenario.lastRound = lastRound
        if isDrawn { scenario.varySurroundings() }
        return scenario
    }

    /// The command that runs a seed again.
    package func replay(_ seed: UInt64) -> String {
        var words = ["murmur simulate", topologyPath]
        if let faultsPath { words.append("--faults \(faultsPath)") }
        if drawsFaults { words.append("--draw-faults") }
        if drawsByzantine { words.append("--draw-byzantine") }
        words.append("--seed \(seed)")
        if runsActors { words.append("--actors") }
        if runsBothTiers { words.append("--both-tiers") }
        if !hasCryptography { words.append("--crypto off") }
        if let lastRound { words.append("--last-round \(lastRound)") }
        if values != Self.usualValues { words.append("--values \(values)") }
        if trainer != .quadratic { words.append("--trainer \(trainer.word)") }
        if let trainingTime { words.append("--training-time \(trainingTime)") }
        if limit != Self.usualLimit { words.append("--limit \(limit)") }
        return words.joined(separator: " ")
    }
}
