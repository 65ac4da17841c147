import Adapters
import Aggregation
import Basics
import Federation
import Overlay
import Recording
import SwarmFile
import TestSupport
import Testing

/// `exchange.outer` and `tuning.proximal` in a swarm: the mean of all peers goes as one averaged run would.
@Suite struct OuterTests {
    static func swarm(
        _ graph: String, count: Int, seed: UInt64 = 1, rounds: Int = 8, loss: Double = 0,
        outer: String = "{ momentum: 0.7, rate: 0.8 }", more: String = ""
    ) throws -> VirtualSwarm {
        try VirtualSwarm(
            graph: graph, count: count, seed: seed, rounds: rounds, loss: loss,
            exchange: "staleness: 2, outer: \(outer)\(more)")
    }

    /// Where one run with perfect averaging goes: Nesterov's momentum on the way of the local steps.
    static func ideal(_ swarm: VirtualSwarm, _ momentum: Float, _ rate: Float, proximal: Double = 0) -> AdapterDelta {
        let optimum = swarm.optimum(swarm.members.indices)
        var x = AdapterDelta(zeroOf: swarm.schema)
        var before = x
        for round in 0..<swarm.topology.tuning.rounds {
            let request = TrainingRequest(
                round: round, steps: swarm.topology.tuning.localSteps, delta: x, proximal: proximal)
            let after = QuadraticTrainer.outcome(of: request, target: optimum.values, rate: 0.1).delta
            var z = x
            for index in z.values.indices { z[index] += rate * (after.values[index] - x.values[index]) }
            x = z
            for index in x.values.indices { x[index] += momentum * (z.values[index] - before.values[index]) }
            before = z
        }
        return x
    }

    private static func distance(_ swarm: VirtualSwarm, to ideal: AdapterDelta) -> Double {
        swarm.finals(swarm.members.indices).map { $0.distance(to: ideal) / ideal.norm }.max() ?? .infinity
    }

    @Test(arguments: ["ring", "torus", "complete"], [0, 0.1])
    func theMeanGoesAsOneAveragedRun(graph: String, loss: Double) throws {
        var swarm = try Self.swarm(graph, count: 9, seed: 5, loss: loss)
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let finals = swarm.finals(0..<9)
        #expect(finals.count == 9 && ConsensusDistance.relative(finals) <= 1e-3)
        let found = Self.distance(swarm, to: Self.ideal(swarm, 0.7, 0.8))
        #expect(found < 2e-3, "\(found)")
        // It is another adapter than without.
        #expect(swarm.ideal(0..<9).distance(to: Self.ideal(swarm, 0.7, 0.8)) > 0.02 * swarm.ideal(0..<9).norm)
    }

    @Test(arguments: ["bf16", "int4", "differences"])
    func roundedCopiesKeepTheMean(compression: String) throws {
        var swarm = try Self.swarm("ring", count: 8, seed: 6, more: ", compression: \(compression)")
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped && ConsensusDistance.relative(swarm.finals(0..<8)) <= 1e-3)
        let found = Self.distance(swarm, to: Self.ideal(swarm, 0.7, 0.8))
        #expect(found < 2e-3, "\(found)")
    }

    /// A peer that is restarted in any part of a round goes on with its last move: with what its checkpoint holds, the mean is
    /// where it would have been. Without it, it is not.
    @Test(arguments: [1.4, 2.6, 4.3, 6.9], [true, false])
    func aRestartedPeerGoesOnWithItsMove(moment: Double, isKept: Bool) throws {
        var swarm = try Self.swarm(
            "complete", count: 4, seed: 7, rounds: 10, outer: "{ momentum: 0.9 }", more: ", patience: 60")
        try swarm.startAll()
        swarm.after(.seconds(moment)) { swarm in
            swarm.crash(2)
            if !isKept { swarm.members[2].disk?.exchangeState = [] }
        }
        swarm.after(.seconds(moment + 3)) { try! $0.start(2) }
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped && ConsensusDistance.relative(swarm.finals(0..<4)) <= 1e-3)
        let found = Self.distance(swarm, to: Self.ideal(swarm, 0.9, 1))
        #expect(isKept ? found < 2e-3 : found > 5e-3, "\(found)")
    }

    /// Who was away and jumps ahead, or lost its disk, comes to the same adapter as the others, near to where all would be.
    @Test(arguments: [1.8, 3.6, 7.2], [true, false])
    func whoJumpsAheadAgrees(moment: Double, keepsDisk: Bool) throws {
        var swarm = try Self.swarm("exponential", count: 8, rounds: 16, loss: 0.02, outer: "{ momentum: 0.5 }")
        try swarm.startAll()
        swarm.after(.seconds(moment)) { swarm in
            swarm.crash(2)
            if !keepsDisk { swarm.members[2].disk = nil }
        }
        swarm.after(.seconds(moment + 20)) { try! $0.start(2) }
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let hasJumped = swarm.kinds(2).contains { if case .caughtUp = $0 { true } else { false } }
        #expect(hasJumped)
        let finals = swarm.finals(0..<8)
        #expect(finals.count == 8 && ConsensusDistance.relative(finals) <= 1e-3)
        let found = Self.distance(swarm, to: Self.ideal(swarm, 0.5, 1))
        #expect(found < 0.15, "\(found)")
    }

    /// Peers that only relay in a round go on with their move.
    @Test func relaysGoOn() throws {
        var swarm = try Self.swarm("ring", count: 8, seed: 3, rounds: 12)
        swarm.adjust = { $0.participation = Participation(share: 0.5, seed: 3) }
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped && ConsensusDistance.relative(swarm.finals(0..<8)) <= 1e-3)
        // By hand, with W = 1 for the mean: quadratic steps depend on each peer's own place, so that only bounds are known.
        let (finals, optimum) = (swarm.finals(0..<8), swarm.optimum(0..<8))
        #expect(finals[0].distance(to: optimum) < 0.8 * optimum.norm)
    }

    /// The core tells the trainer what draws it back, and the mean goes as FedProx's with perfect averaging.
    @Test(arguments: [0.5, 5.0]) func stepsAreDrawnBack(proximal: Double) throws {
        var swarm = try Self.swarm("torus", count: 9, seed: 5, outer: "none")
        swarm.adjust = { $0.proximal = proximal }
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let ideal = Self.ideal(swarm, 0, 1, proximal: proximal)
        let found = Self.distance(swarm, to: ideal)
        #expect(found < 2e-3, "\(found)")
        #expect(ideal.norm < 0.99 * Self.ideal(swarm, 0, 1).norm)
    }
}
