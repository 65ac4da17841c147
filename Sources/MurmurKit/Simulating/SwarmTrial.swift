package import Adapters
package import Faults
import Simulation
package import SwarmFile

/// A whole swarm, run in this process for what its peers end with: their cores, protocol and traffic are real, clock, network
/// and disks are simulated, and the trainers are whose factory is given.
package struct SwarmTrial: Sendable {
    /// What a peer ended with.
    package struct Peer: Sendable {
        package var name: String
        package var sampleCount: Int
        /// Its adapter; nil where it did not finish, or local steps of it failed.
        package var final: AdapterDelta?
        /// Its adapter before settling; nil where it was not in the last round with training.
        package var unsettled: AdapterDelta?
        /// Bytes that it sent, in all and before settling.
        package var bytes: Int
        package var bytesUnsettled: Int?
        /// Why it has no adapter; nil where it has one.
        package var problem: String?
    }

    package let peers: [Peer]
    /// The last round, settling counted.
    package let rounds: Int
    /// Contributions that peers went on without.
    package let missed: Int
    /// What a checker objects to; nil where none does.
    package let violation: String?

    /// How long a round's local steps are said to take on average.
    private static let trainingTime = Duration.seconds(1)
    /// Virtual time after which a run is given up.
    private static let limit = Duration.seconds(86_400)

    /// Refuses faults that do not fit `topology`.
    package static func check(_ topology: SwarmTopology, faults: FaultSchedule) throws {
        _ = try FaultPlan(faults, names: topology.peers.map(\.name), seed: topology.swarm.seed)
    }

    /// Runs `topology`'s swarm, with everything that is drawn from its seed.
    package static func run(
        _ topology: SwarmTopology, faults: FaultSchedule, trainers: any TrainerFactory
    ) async throws -> SwarmTrial {
        var scenario = SimulationScenario(
            topology: topology, faults: faults, seed: topology.swarm.seed, trainingTime: trainingTime, limit: limit)
        scenario.training = try SimulatedTraining(
            trainers, names: topology.peers.map(\.name), mean: trainingTime)
        var swarm = try SimulatedSwarm(scenario)
        let report = try await swarm.runWithTrainers()
        let peers = zip(swarm.ends, report.peers).map { end, told in
            let problem =
                end.failedRounds > 0
                ? "local steps failed in \(end.failedRounds) rounds" : end.final == nil ? "did not finish" : nil
            return Peer(
                name: end.name, sampleCount: end.sampleCount, final: problem == nil ? end.final : nil,
                unsettled: problem == nil ? end.unsettled : nil, bytes: Int(clamping: told.bytesSent),
                bytesUnsettled: end.bytesUnsettled.map { Int(clamping: $0) }, problem: problem)
        }
        return SwarmTrial(
            peers: peers, rounds: report.rounds, missed: report.spread.missed,
            violation: report.violations.first.map { "\($0)" })
    }
}
