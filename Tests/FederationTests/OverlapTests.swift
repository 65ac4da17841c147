import Adapters
import Aggregation
import Basics
import Federation
import Overlay
import Recording
import SwarmFile
import TestSupport
import Testing

/// `exchange.overlap`: local steps begin from the own contribution, and what mixing changed of it is added afterwards.
@Suite struct OverlapTests {
    static func swarm(
        _ graph: String, count: Int, seed: UInt64 = 1, rounds: Int = 6, loss: Double = 0, unequal: Bool = true,
        mixing: String = "metropolis"
    ) throws -> VirtualSwarm {
        try VirtualSwarm(
            graph: graph, count: count, seed: seed, rounds: rounds, loss: loss, unequal: unequal,
            exchange: "staleness: 2, overlap: true, mixing: \(mixing)")
    }

    /// z' = W z + u(z), computed apart from the core.
    @Test(arguments: ["ring", "complete", "exponential"], 1..<4 as Range<UInt64>)
    func contributionsFollowTheFormula(graph: String, seed: UInt64) throws {
        var swarm = try Self.swarm(graph, count: 6, seed: seed)
        try swarm.startAll()
        for index in 0..<6 { swarm.members[index].core!.isAudited = true }
        let stopped = swarm.run(for: .seconds(600))
        #expect(stopped)
        let weights = try #require(
            MetropolisMixing().matrix(
                of: try swarm.topology.swarmGraph(), sampleCounts: swarm.members.map(\.sampleCount)))
        var own = (0..<6).map { _ in AdapterDelta(zeroOf: swarm.schema) }
        for round in 0..<6 {
            let after = own.enumerated().map { index, delta in
                QuadraticTrainer.outcome(
                    of: TrainingRequest(round: round, steps: 4, delta: delta), target: swarm.members[index].target,
                    rate: 0.1
                ).delta
            }
            for index in 0..<6 {
                var expected = after[index]
                if round > 0 {
                    for value in expected.values.indices {
                        let mixed = (0..<6).reduce(0.0) {
                            $0 + weights[index, $1] * Double(own[$1].values[value])
                        }
                        expected[value] += Float(mixed) - own[index].values[value]
                    }
                }
                let published = try #require(swarm.members[index].published[round], "\(index) in round \(round)")
                #expect(published.distance(to: expected) < 1e-5, "\(index) in round \(round)")
            }
            own = swarm.members.map { $0.published[round]! }
        }
    }

    /// The mean of all peers moves as it would with perfect averaging, whoever waits for what.
    @Test(arguments: ["ring", "torus", "complete"], ["metropolis", "push-sum", "pairwise"])
    func theMeanIsKept(graph: String, mixing: String) throws {
        // Under push-sum a peer learns in the first round what its neighbours count, and some steps are owed until then.
        var swarm = try Self.swarm(graph, count: 9, seed: 5, unequal: mixing != "push-sum", mixing: mixing)
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let finals = swarm.finals(0..<9)
        let ideal = swarm.ideal(0..<9)
        #expect(finals.count == 9 && ConsensusDistance.relative(finals) <= 1e-3)
        let distances = finals.map { $0.distance(to: ideal) / ideal.norm }
        #expect(distances.allSatisfy { $0 < 2e-3 }, "\(distances)")
    }

    /// With a network that takes as long as the steps, rounds take about half the time.
    @Test func sendingIsHiddenBehindTraining() throws {
        func seconds(_ exchange: String) throws -> Double {
            var swarm = try VirtualSwarm(graph: "complete", count: 4, rounds: 12, exchange: exchange)
            swarm.network.conditions = NetworkConditions(delay: .milliseconds(300))
            try swarm.startAll()
            let stopped = swarm.run(for: .seconds(600))
            #expect(stopped)
            let ends = (0..<4).compactMap { index in
                swarm.members[index].events.last { if case .trained = $0.kind { true } else { false } }?.time
            }
            return Double(try #require(ends.max()).nanoseconds) / 1e9 - 1
        }
        let apart = try seconds("staleness: 2")
        let overlapped = try seconds("staleness: 2, overlap: true")
        // The slowest peer's steps take 1.2 s at the most.
        #expect(overlapped < 12 * 1.2 + 1.5, "\(overlapped) s")
        #expect(apart > overlapped + 11 * 0.25, "\(apart) s against \(overlapped) s")
    }

    @Test(arguments: [0.5, 1.4, 2.6, 5.5, 9.2], [true, false])
    func aRestartedPeerEndsWithTheSameAdapter(moment: Double, keepsDisk: Bool) throws {
        var swarm = try Self.swarm("exponential", count: 8, rounds: 12, loss: 0.02)
        try swarm.startAll()
        swarm.after(.seconds(moment)) { swarm in
            swarm.crash(2)
            if !keepsDisk { swarm.members[2].disk = nil }
        }
        swarm.after(.seconds(moment + 4)) { try! $0.start(2) }
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let finals = swarm.finals(0..<8)
        #expect(finals.count == 8 && ConsensusDistance.relative(finals) <= 1e-3)
        let ideal = swarm.ideal(0..<8)
        #expect(finals.allSatisfy { $0.distance(to: ideal) / ideal.norm < 0.15 })
    }

    /// Who leaves while steps are taken ahead does not go on when they are done.
    @Test(arguments: stride(from: 0.2, to: 4, by: 0.37).map { $0 }) func leavingIsAtOnce(moment: Double) throws {
        var swarm = try Self.swarm("complete", count: 3)
        try swarm.startAll()
        swarm.after(.seconds(moment)) { swarm in
            swarm.members[0].core!.leave(at: swarm.time, using: &swarm.generator)
            swarm.drain(0)
        }
        swarm.run(for: .seconds(600))
        #expect(swarm.members[0].stopped == .left)
        #expect([1, 2].allSatisfy { swarm.members[$0].stopped == .finished })
    }

    /// Steps that fail leave the round with what mixing made.
    @Test func stepsThatFailChangeNothing() throws {
        var swarm = try Self.swarm("complete", count: 4)
        swarm.adjust = { $0.exchange.normLimit = 1e3 }
        swarm.members[1].poisons = true
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(600))
        #expect(stopped)
        #expect(ConsensusDistance.relative(swarm.finals([0, 2, 3])) <= 1e-3)
    }
}
