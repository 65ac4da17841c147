import Basics
import Faults
import Simulation
import SwarmFile
import Testing

/// Failures that ended the runs of a real consortium: with `exchange.patience` every round has everybody, and the adapters
/// are to the last bit those of a run without failures. `scripts/check-hospitals` does the same with real processes.
@Suite struct HospitalTests {
    static let rounds = 20

    static func run(_ graph: String, seed: UInt64, faults: FaultSchedule, patience: Int?) throws -> SimulationReport {
        let topology = try SwarmTopology.parse(
            """
            murmuration: 1
            swarm: { name: hospitals, seed: 8 }
            model: { base: builtin:fledgling }
            tuning: { rounds: \(rounds), local-steps: 4 }
            data: { source: builtin:chores }
            exchange: { \(patience.map { "patience: \($0)" } ?? "") }
            graph: { kind: \(graph) }
            peers: { count: 8 }
            """, file: "hospitals.yaml")
        var swarm = try SimulatedSwarm(SimulationScenario(topology: topology, faults: faults, seed: seed))
        return try swarm.run()
    }

    private static func schedule(_ peers: [PeerFault] = [], _ partitions: [NetworkPartition] = []) -> FaultSchedule {
        FaultSchedule(
            name: "hospitals", healing: .seconds(3600),
            network: LinkConditions(delay: .uniform(.milliseconds(1), .milliseconds(20))), partitions: partitions,
            peers: peers)
    }

    /// The three failures, with peer-6 as the site, from `start` on.
    static func failure(_ name: String, from start: Duration) -> FaultSchedule {
        let site = PeerSelector.names(["peer-6"])
        return switch name {
        case "network":
            schedule(
                [],
                [NetworkPartition(interval: .init(from: start, until: start + .seconds(360)), shape: .isolate(site))])
        case "crash":
            schedule([
                PeerFault(peers: site, interval: .init(from: start), kind: .crash(restart: .seconds(60), disk: .kept))
            ])
        default:
            schedule([
                PeerFault(peers: .names(["peer-3", "peer-6"]), interval: .init(from: start), kind: .slow(10))
            ])
        }
    }

    @Test(
        arguments: ["ring", "exponential", "complete"].flatMap { graph in
            ["network", "crash", "slow"].map { (graph, $0) }
        }, [3, 11])
    func everyRoundHasEverybody(_ what: (graph: String, failure: String), from start: Int) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            let plain = try Self.run(what.graph, seed: seed, faults: Self.schedule(), patience: 600)
            let faults = Self.failure(what.failure, from: .seconds(start))
            let report = try Self.run(what.graph, seed: seed, faults: faults, patience: 600)
            #expect(report.violations.isEmpty, "\(report.violations)")
            #expect(report.everyoneFinished && report.spread.missed == 0)
            #expect(report.adapterDigest == plain.adapterDigest)
        }
    }

    /// The failure counts: without patience the swarm goes on without the site.
    @Test func withoutPatienceTheSwarmGoesOn() throws {
        let report = try Self.run(
            "exponential", seed: 1, faults: Self.failure("network", from: .seconds(11)), patience: nil)
        #expect(report.spread.missed > 0)
    }
}
