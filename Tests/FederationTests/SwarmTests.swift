import Adapters
import Aggregation
import Federation
import Overlay
import Recording
import Simulation
import TestSupport
import Testing
import Wire

@Suite struct SwarmTests {
    @Test(arguments: [("exponential", 8), ("ring", 8), ("torus", 16), ("complete", 4), ("star", 5)], [0.0, 0.2])
    func everyoneFinishesAndAgrees(graph: (String, Int), loss: Double) throws {
        var swarm = try VirtualSwarm(graph: graph.0, count: graph.1, loss: loss)
        try swarm.startAll()
        let stopped = swarm.run()
        #expect(stopped)
        let finals = swarm.finals(0..<graph.1)
        #expect(finals.count == graph.1)
        let distance = ConsensusDistance.relative(finals)
        #expect(distance <= 1e-3, "\(distance)")
        let ideal = swarm.ideal(0..<graph.1)
        let error = finals.map { $0.distance(to: ideal) / ideal.norm }.max() ?? 1
        #expect(error < (loss == 0 ? 2e-3 : 0.05), "\(error)")
        if loss == 0 {
            let rounds = swarm.members.map { $0.core?.round ?? 0 }
            #expect(Set(rounds).count == 1)
            for index in 0..<graph.1 {
                let kinds = swarm.kinds(index)
                let settled = kinds.compactMap { if case .settled(let round, _, _) = $0 { round } else { nil } }
                #expect(settled.count == 1)
                #expect(!kinds.contains { if case .settlingLimitReached = $0 { true } else { false } })
            }
            let settled = swarm.members.indices.map { index in
                swarm.kinds(index).compactMap { if case .settled(let round, _, _) = $0 { round } else { nil } }.first
            }
            #expect(Set(settled).count == 1, "all see agreement in the same round: \(settled)")
        }
        #expect(swarm.members.allSatisfy { $0.stopped == .finished })
    }

    /// A share of the peers trains in a round, the others pass on; all agree in the end.
    @Test(arguments: [0.25, 0.5]) func aShareTrainsAndTheOthersRelay(share: Double) throws {
        var swarm = try VirtualSwarm(graph: "exponential", count: 8, rounds: 6)
        let participation = Participation(share: share, seed: 11)
        swarm.adjust = { $0.participation = participation }
        try swarm.startAll()
        let stopped = swarm.run()
        #expect(stopped)
        #expect(ConsensusDistance.relative(swarm.finals(0..<8)) <= 1e-3)
        for index in 0..<8 {
            let kinds = swarm.kinds(index)
            let trained = kinds.compactMap { if case .trained(let round, _, _, _, _) = $0 { round } else { nil } }
            let relayed = kinds.compactMap { if case .relays(let round) = $0 { round } else { nil } }
            let drawn = (0..<6).filter { participation.trains(index, of: 8, in: $0) }
            #expect(trained == drawn)
            #expect(relayed == (0..<6).filter { !drawn.contains($0) })
            let absent = kinds.contains {
                if case .mixed(_, _, _, let absent, _) = $0 { !absent.isEmpty } else { false }
            }
            #expect(!absent)
        }
    }

    /// Of a large adapter every payload that is served counts: the round's own, that of the round before while somebody is
    /// still in it, and what is not acknowledged yet where it is fetched.
    @Test(arguments: [(true, 2), (false, 3)])
    func whatNeighboursHaveMixedIsServedNoMore(pushes: Bool, limit: Int) throws {
        var swarm = try VirtualSwarm(graph: "ring", count: 4, seed: 5, rounds: 8, exchange: "staleness: 3")
        if !pushes { swarm.wire.pushByteLimit = 0 }
        try swarm.startAll()
        try swarm.expectToAgree()
        for member in swarm.members { #expect(member.mostServed <= limit) }
    }

    @Test func uniformWeightsLeadToThePlainMean() throws {
        var swarm = try VirtualSwarm(graph: "ring", count: 5, rounds: 8, exchange: "weights: uniform")
        try swarm.startAll()
        let stopped = swarm.run()
        #expect(stopped)
        let targets = swarm.members.map { (1, AdapterDelta(schema: swarm.schema, values: $0.target)) }
        let mean = try #require(WeightedMean.of(targets))
        var expected = AdapterDelta(zeroOf: swarm.schema)
        for _ in 0..<8 {
            expected =
                QuadraticTrainer.outcome(
                    of: TrainingRequest(round: 0, steps: 4, delta: expected), target: mean.values, rate: 0.1
                ).delta
        }
        for final in swarm.finals(0..<5) { #expect(final.distance(to: expected) / expected.norm < 2e-3) }
    }

    @Test(arguments: [0.0, 0.2]) func oneSeedGivesOneHistory(loss: Double) throws {
        func history(_ seed: UInt64) throws -> (UInt64, Int, [AdapterDelta]) {
            var swarm = try VirtualSwarm(graph: "exponential", count: 6, seed: seed, loss: loss)
            try swarm.startAll()
            swarm.run()
            return (swarm.network.digest, swarm.datagrams, swarm.finals(0..<6))
        }
        let first = try history(11), second = try history(11), other = try history(12)
        #expect(first.0 == second.0 && first.1 == second.1 && first.2 == second.2)
        #expect(first.0 != other.0)
    }

    @Test func aLonePairFinishes() throws {
        var swarm = try VirtualSwarm(graph: "ring", count: 2, rounds: 1, unequal: false)
        try swarm.startAll()
        let stopped = swarm.run()
        #expect(stopped)
        #expect(ConsensusDistance.relative(swarm.finals(0..<2)) <= 1e-3)
    }
}
