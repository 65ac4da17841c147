import Adapters
import Aggregation
import Basics
import Federation
import TestSupport
import Testing

/// `exchange.mixing: one-peer-exponential` and `one-peer-base-2` in whole swarms: one contribution a round, and the same mean.
@Suite struct OnePeerTests {
    static func swarm(
        _ kind: String = "exponential", count: Int, seed: UInt64 = 1, rounds: Int = 7, loss: Double = 0,
        unequal: Bool = false, overlap: Bool = false
    ) throws -> VirtualSwarm {
        try VirtualSwarm(
            graph: kind, count: count, seed: seed, rounds: rounds, loss: loss, unequal: unequal,
            exchange: "staleness: 2, mixing: one-peer-\(kind), overlap: \(overlap)")
    }

    /// The mean of all peers moves as it would with perfect averaging.
    @Test(arguments: ["exponential", "base-2"], [2, 3, 6, 8, 16].flatMap { [($0, false), ($0, true)] })
    func theMeanIsKept(kind: String, setting: (count: Int, overlap: Bool)) throws {
        let count = setting.count
        var swarm = try Self.swarm(kind, count: count, seed: 5, overlap: setting.overlap)
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let finals = swarm.finals(0..<count)
        let ideal = swarm.ideal(0..<count)
        #expect(finals.count == count && ConsensusDistance.relative(finals) <= 1e-3)
        let distances = finals.map { $0.distance(to: ideal) / ideal.norm }
        #expect(distances.allSatisfy { $0 < 2e-3 }, "\(distances)")
    }

    /// Each peer has one neighbour in a round with training and in the first period of settling; then all agree at once.
    @Test(arguments: [4, 8], 1..<4 as Range<UInt64>) func aRoundHasOneNeighbour(count: Int, seed: UInt64) throws {
        var swarm = try Self.swarm(count: count, seed: seed)
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let period = ExponentialTurns(count: count, place: 0).period
        for index in 0..<count {
            var last = 0
            for kind in swarm.kinds(index) {
                guard case .mixed(let round, let disagreement, let present, let absent, _) = kind else { continue }
                last = max(last, round)
                #expect(absent.isEmpty, "round \(round)")
                if round < 7 + period {
                    #expect(present.count == 1, "round \(round)")
                    #expect(round < 7 || disagreement == .infinity)
                } else {
                    #expect(present.count > 1)
                    // What the period before made equal.
                    #expect(disagreement < 1e-4, "round \(round)")
                }
            }
            #expect(last >= 7 + period + 1)
            let offered = swarm.kinds(index).count { kind in
                if case .contributionOffered(_, let round, _, _) = kind { round < 7 + period } else { false }
            }
            // One for each round, and once more to who connected late.
            #expect(offered <= 7 + period + 2 * period, "\(offered)")
        }
    }

    @Test(
        arguments: [("exponential", 8), ("base-2", 8), ("base-2", 7)],
        [0.5, 1.4, 2.6, 5.5, 9.2].flatMap { [($0, true), ($0, false)] })
    func aRestartedPeerEndsWithTheSameAdapter(
        kind: (graph: String, count: Int), crash: (moment: Double, keepsDisk: Bool)
    ) throws {
        var swarm = try Self.swarm(kind.graph, count: kind.count, rounds: 12, loss: 0.02)
        try swarm.startAll()
        swarm.crash(2, after: .seconds(crash.moment), keepsDisk: crash.keepsDisk, for: .seconds(4))
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped)
        let finals = swarm.finals(0..<kind.count)
        #expect(finals.count == kind.count && ConsensusDistance.relative(finals) <= 1e-3)
        let ideal = swarm.ideal(0..<kind.count)
        let distances = finals.map { $0.distance(to: ideal) / ideal.norm }
        #expect(distances.allSatisfy { $0 < 0.25 }, "\(distances)")
    }

    /// A peer that is gone for good costs the others its part, not their agreement.
    @Test(arguments: ["exponential", "base-2"], 1..<4 as Range<UInt64>)
    func othersAgreeWithoutWhoIsGone(kind: String, seed: UInt64) throws {
        var swarm = try Self.swarm(kind, count: 8, seed: seed, rounds: 12)
        try swarm.startAll()
        swarm.after(.seconds(3)) { $0.crash(5) }
        swarm.run(for: .seconds(1200))
        let finals = swarm.finals([0, 1, 2, 3, 4, 6, 7])
        #expect(finals.count == 7 && ConsensusDistance.relative(finals) <= 1e-3)
    }

    /// Pairs push nothing twice either: what a round has for nobody is not offered again.
    @Test func aContributionIsOfferedOnce() throws {
        for (mixing, graph) in [
            ("pairwise", "exponential"), ("one-peer-exponential", "exponential"), ("one-peer-base-2", "base-2"),
        ] {
            var swarm = try VirtualSwarm(
                graph: graph, count: 8, rounds: 8, exchange: "staleness: 2, mixing: \(mixing)")
            try swarm.startAll()
            let stopped = swarm.run(for: .seconds(1200))
            #expect(stopped)
            for index in 0..<8 {
                var offers: [String: Int] = [:]
                for kind in swarm.kinds(index) {
                    if case .contributionOffered(let peer, let round, _, let object) = kind, round > 0 {
                        offers["\(peer) \(object)", default: 0] += 1
                    }
                }
                #expect(offers.values.allSatisfy { $0 == 1 }, "\(mixing), \(index)")
            }
        }
    }
}
