import Faults
import Foundation
import Simulation
import SwarmFile
import Synchronization
import Testing

/// Seeds that no run has had before. As arguments of a test they are printed with it. `MURMUR_FRESH_SEEDS=20` draws
/// twenty times as many: what fails for one seed of hundreds is to be found before it fails somebody's change.
func freshSeeds(_ count: Int) -> [UInt64] {
    let times = ProcessInfo.processInfo.environment["MURMUR_FRESH_SEEDS"].flatMap(Int.init) ?? 1
    return (0..<count * max(1, times)).map { _ in UInt64.random(in: 0..<1 << 32) }
}

/// Whole swarms on the virtual clock. Fresh seeds are printed: `murmur simulate topologies/sweep-16.yaml --draw-faults
/// --seed N` runs one again.
@Suite struct SimulatedSwarmTests {
    static func topology(_ graph: String = "exponential", count: Int = 16, rounds: Int = 4) throws -> SwarmTopology {
        try SwarmTopology.parse(
            """
            murmuration: 1
            swarm: { name: sweep, seed: 16 }
            model: { base: builtin:fledgling }
            tuning: { rounds: \(rounds), local-steps: 4 }
            data: { source: builtin:chores }
            exchange: { weights: uniform }
            graph: { kind: \(graph) }
            peers: { count: \(count) }
            """, file: "sweep.yaml")
    }

    static func run(
        _ faults: FaultSchedule, seed: UInt64, graph: String = "exponential", count: Int = 16,
        adjust: (inout SimulationScenario) -> Void = { _ in }
    ) throws -> SimulationReport {
        var scenario = SimulationScenario(topology: try topology(graph, count: count), faults: faults, seed: seed)
        scenario.patience = faults.healing + .seconds(60)
        adjust(&scenario)
        var swarm = try SimulatedSwarm(scenario)
        return try swarm.run()
    }

    @Test func withoutFaultsEveryoneFinishesWithTheSameAdapter() throws {
        let report = try Self.run(.none, seed: 1)
        #expect(report.violations.isEmpty, "\(report.violations)")
        #expect(report.everyoneFinished)
        #expect(report.peers.map(\.starts) == Array(repeating: 1, count: 16))
        #expect(try #require(report.consensusDistance) < 1e-3)
    }

    @Test(arguments: [UInt64(3), 101, 117]) func oneSeedGivesOneHistory(seed: UInt64) throws {
        let first = try Self.run(.drawn(seed: seed), seed: seed)
        let second = try Self.run(.drawn(seed: seed), seed: seed)
        #expect(first == second)
        let other = try Self.run(.drawn(seed: seed), seed: seed + 1)
        #expect(first.traceHash != other.traceHash)
    }

    /// Seeds that showed a defect once (docs/simulation-notes.md).
    @Test(arguments: [UInt64(101), 102, 105, 106, 108, 117]) func whatOnceFailedHolds(seed: UInt64) throws {
        let report = try Self.run(.drawn(seed: seed), seed: seed) { $0.varySurroundings() }
        #expect(report.violations.isEmpty, "seed \(seed): \(report.violations)")
    }

    /// The same with a dishonest peer.
    @Test(arguments: [UInt64(700_342), 700_575]) func whatADishonestPeerOnceBrokeHolds(seed: UInt64) throws {
        let faults = FaultSchedule.drawn(seed: seed, temper: .init(hasByzantine: true))
        let report = try Self.run(faults, seed: seed) { $0.varySurroundings() }
        #expect(report.violations.isEmpty, "seed \(seed): \(report.violations)")
    }

    @Test(arguments: freshSeeds(16)) func freshSeedsHold(seed: UInt64) throws {
        let report = try Self.run(.drawn(seed: seed), seed: seed) { $0.varySurroundings() }
        #expect(
            report.violations.isEmpty,
            "murmur simulate topologies/sweep-16.yaml --draw-faults --seed \(seed): \(report.violations)")
    }

    @Test func whoWatchesIsToldAndChangesNothing() throws {
        let scenario = SimulationScenario(topology: try Self.topology(), faults: .none, seed: 21)
        var unseen = try SimulatedSwarm(scenario)
        var watched = try SimulatedSwarm(scenario)
        watched.nextLook = 100
        let looks = Mutex<[SimulationProgress]>([])
        watched.watch = { progress in looks.withLock { $0.append(progress) } }
        #expect(try unseen.run() == watched.run())
        let told = looks.withLock { $0 }
        let first = try #require(told.first)
        #expect(first.events >= 100 && first.peers == 16 && first.finished == 0)
        #expect(first.slowest <= first.fastest)
    }

    @Test func aCrashedPeerGoesOnFromItsDisk() throws {
        var faults = FaultSchedule.none
        faults.healing = .seconds(30)
        faults.peers = [
            PeerFault(
                peers: .names(["peer-3"]), interval: .init(from: .seconds(3)),
                kind: .crash(restart: .seconds(2), disk: .kept))
        ]
        let report = try Self.run(faults, seed: 5)
        #expect(report.violations.isEmpty, "\(report.violations)")
        #expect(report.peers[3].starts == 2)
        #expect(report.everyoneFinished)
    }

    @Test func aHealedPartitionLeavesOneAdapter() throws {
        var faults = FaultSchedule.none
        faults.healing = .seconds(50)
        faults.partitions = [
            NetworkPartition(
                interval: .init(from: .seconds(2), until: .seconds(40)), shape: .groups([.random(8)]))
        ]
        let report = try Self.run(faults, seed: 9)
        #expect(report.violations.isEmpty, "\(report.violations)")
        #expect(report.seconds > 38)
        #expect(try #require(report.consensusDistance) < 1e-3)
    }

    @Test(arguments: Intruder.Kind.allCases) func strangersChangeNothing(kind: Intruder.Kind) throws {
        var faults = FaultSchedule.none
        faults.healing = .seconds(30)
        let quiet = try Self.run(faults, seed: 4)
        faults.intruders = [Intruder(interval: .init(), kind: kind, pause: .milliseconds(20))]
        let disturbed = try Self.run(faults, seed: 4)
        #expect(disturbed.violations.isEmpty, "\(disturbed.violations)")
        #expect(disturbed.everyoneFinished)
        #expect(disturbed.traceHash != quiet.traceHash)
    }
}
