import Adapters
import Aggregation
import Basics
import Federation
import Overlay
import SwarmFile
import Testing

/// Whole swarms whose settling is accelerated (`exchange.settling: chebyshev`).
@Suite struct ChebyshevTests {
    private static let rounds = 4

    private static func swarm(
        _ graph: String, count: Int, seed: UInt64 = 1, loss: Double = 0, settling: String = "chebyshev",
        more: String = ""
    ) throws -> VirtualSwarm {
        try VirtualSwarm(
            graph: graph, count: count, seed: seed, rounds: rounds, loss: loss, unequal: false,
            exchange: "staleness: 2, settling: \(settling)\(more)", rows: 40)
    }

    /// The rounds that are accelerated, and how far news travels.
    private static func plan(_ swarm: VirtualSwarm) throws -> (accelerated: Int, depth: Int) {
        let graph = try swarm.topology.swarmGraph()
        let depth = graph.diameterWithOneMissing
        let exchange = ExchangePolicy(swarm.topology)
        return (exchange.chebyshev(on: graph, depth: depth)?.rounds ?? 0, depth)
    }

    private static func settled(_ swarm: VirtualSwarm) -> [Int] {
        swarm.members.indices.flatMap { peer in
            swarm.kinds(peer).compactMap { if case .settled(let round, _, _) = $0 { round - rounds } else { nil } }
        }
    }

    /// All agree in the same round, in fewer rounds than by mixing alone, on the mean that they would have agreed on.
    @Test(arguments: [("ring", 8), ("ring", 12), ("torus", 16)], ["none", "bf16", "differences"])
    func sparseGraphsSettleInFewerRounds(graph: (String, Int), compression: String) throws {
        var ends: [String: Int] = [:]
        for settling in ["plain", "chebyshev"] {
            var swarm = try Self.swarm(
                graph.0, count: graph.1, settling: settling, more: ", compression: \(compression)")
            try swarm.startAll()
            try swarm.expectToAgree()
            let settled = Set(Self.settled(swarm))
            #expect(settled.count == 1)
            ends[settling] = settled.first
            let ideal = swarm.ideal(0..<graph.1)
            for final in swarm.finals(0..<graph.1) { #expect(final.distance(to: ideal) / ideal.norm < 2e-3) }
            // Nobody knows of the agreement before the accelerated rounds are over and the news has gone round.
            let (accelerated, depth) = try Self.plan(swarm)
            if settling == "chebyshev" { #expect(settled.first ?? 0 >= accelerated + depth) }
        }
        let (plain, faster) = (try #require(ends["plain"]), try #require(ends["chebyshev"]))
        #expect(graph.0 == "ring" ? faster < plain * 3 / 4 : faster <= plain, "\(faster) against \(plain)")
    }

    @Test(arguments: [0.02, 0.2], 1...3 as ClosedRange<UInt64>)
    func lostDatagramsChangeNothing(loss: Double, seed: UInt64) throws {
        var swarm = try Self.swarm("ring", count: 8, seed: seed, loss: loss, more: ", compression: bf16")
        try swarm.startAll()
        try swarm.expectToAgree()
        let ideal = swarm.ideal(0..<8)
        for final in swarm.finals(0..<8) { #expect(final.distance(to: ideal) / ideal.norm < 2e-3) }
    }

    /// A peer that dies in settling, for good or for a while, with its disk or without: the others agree within the
    /// bound, and so does it where it comes back.
    @Test(arguments: [4300, 4700, 5100], [true, false]) func whoIsAwayIsDoneWithout(moment: Int, comesBack: Bool) throws
    {
        for hasDisk in comesBack ? [true, false] : [true] {
            var swarm = try Self.swarm("ring", count: 8, seed: UInt64(moment), loss: 0.01, more: ", compression: bf16")
            try swarm.startAll()
            swarm.crash(
                2, after: .milliseconds(moment), keepsDisk: hasDisk, for: comesBack ? .seconds(2) : .seconds(100_000))
            let isDone = swarm.run(for: .seconds(3000))
            let others = swarm.finals(swarm.members.indices.filter { comesBack || $0 != 2 })
            #expect(isDone == comesBack && others.count == (comesBack ? 8 : 7))
            #expect(ConsensusDistance.relative(others) <= 1e-3)
            for peer in swarm.members.indices where peer != 2 {
                let gaveUp = swarm.kinds(peer).contains { if case .settlingLimitReached = $0 { true } else { false } }
                #expect(!gaveUp, "peer \(peer)")
            }
        }
    }

    /// A peer that is restarted from its checkpoint in settling goes on from the last round with training: nothing of
    /// the acceleration is in it, and nothing has to be.
    @Test func theCheckpointHoldsNothingOfIt() throws {
        var swarm = try Self.swarm("ring", count: 8, seed: 3, more: ", patience: 60")
        try swarm.startAll()
        for moment in stride(from: 3000, to: 9000, by: 10) {
            swarm.after(.milliseconds(moment)) { swarm in
                let member = swarm.members[5]
                guard member.starts == 1, member.core?.round ?? 0 >= Self.rounds + 4 else { return }
                #expect(member.disk?.exchangeState == [] && member.disk?.round == Self.rounds)
                swarm.crash(5)
                swarm.after(.seconds(2)) { try! $0.start(5) }
            }
        }
        try swarm.expectToAgree()
        #expect(swarm.members[5].starts == 2)
        let ideal = swarm.ideal(0..<8)
        for final in swarm.finals(0..<8) { #expect(final.distance(to: ideal) / ideal.norm < 0.1) }
    }

    /// The key goes together with what else may be said of the exchange.
    @Test(arguments: ["outer: momentum", "overlap: true", "compression: top-k", "staleness: 0"])
    func otherKeysGoWithIt(more: String) throws {
        let count = 8
        var swarm = try VirtualSwarm(
            graph: "ring", count: count, seed: 4, rounds: Self.rounds,
            exchange: "settling: chebyshev, \(more)", rows: 40)
        try swarm.startAll()
        try swarm.expectToAgree()
    }
}
