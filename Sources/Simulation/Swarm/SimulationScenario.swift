import Basics
package import Faults
import Federation
package import SwarmFile
import Wire

/// What is simulated: the same scenario and seed give the same run, to the last bit.
package struct SimulationScenario: Sendable {
    /// How much of a peer is real.
    package enum Tier: Sendable, Hashable {
        /// The drivers and cores: tier A.
        case cores
        /// The actors around them too, on a seeded executor: tier B.
        case actors
    }

    /// How much of a peer is real.
    package var tier = Tier.cores
    /// On tier B, draws in which order the jobs of the peers' tasks run. No result depends on it.
    package var interleaving: UInt64 = 0
    /// The swarm.
    package var topology: SwarmTopology
    /// What goes wrong.
    package var faults: FaultSchedule
    /// Draws keys, records, targets, training times and faults.
    package var seed: UInt64
    /// Who trains; nil for the quadratic toy.
    package var training: (any SwarmTraining)?
    /// Values of the toy adapter.
    package var adapterCount: Int
    /// Local steps take about this long.
    package var trainingTime: Duration
    /// After this much virtual time the run is given up.
    package var limit: Duration
    /// The run is cut short when every peer has mixed in this round; nil for a run to the end.
    package var lastRound: Int?
    /// How long peers wait for others that are away, in every phase; nil for what real peers do. Longer than any outage
    /// of the schedule, it makes "all agree in the end" a promise that has to be kept.
    package var patience: Duration?

    /// How long a disk takes to make a checkpoint durable.
    package var writingTime = Duration.milliseconds(8)
    /// Whether peers push small contributions, as real ones do; without, every one is asked for, like those of real models.
    package var pushes = true

    /// The peers' protocol.
    var wire: WireConfiguration {
        var configuration = WireConfiguration.attentive
        if !pushes { configuration.pushByteLimit = 0 }
        return configuration
    }

    package init(
        topology: SwarmTopology, faults: FaultSchedule, seed: UInt64, adapterCount: Int = 64,
        trainingTime: Duration = .seconds(1), limit: Duration = .seconds(14_400)
    ) {
        self.topology = topology
        self.faults = faults
        self.seed = seed
        self.adapterCount = adapterCount
        self.trainingTime = trainingTime
        self.limit = limit
    }

    /// Draws from the seed what a sweep varies beside the faults, and lets peers wait longer than any outage, so that they
    /// have to agree in the end.
    ///
    /// Half of the swarms ask for everything, as those do whose adapters are large. Disks take 8 ms to 2 s, so that crashes
    /// fall into the time in which a checkpoint is not durable yet.
    package mutating func varySurroundings() {
        var generator = SeededGenerator(seed: seed, label: "surroundings")
        pushes = generator.uniform() < 0.5
        writingTime = .milliseconds(8 << Int.random(in: 0...8, using: &generator))
        patience = faults.healing + .seconds(60)
    }
}
