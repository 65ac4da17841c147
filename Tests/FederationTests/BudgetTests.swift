import Adapters
import Aggregation
import Basics
import Federation
import Testing

/// Whole swarms whose peers choose how they compress.
@Suite struct BudgetTests {
    /// Five peers on a ring: a contribution to two neighbours takes about 2.2 kB in bf16, 1.4 kB in int8, 1.1 kB in int4 and
    /// 1.0 kB as a difference.
    static func swarm(_ exchange: String, seed: UInt64, loss: Double = 0) throws -> VirtualSwarm {
        try VirtualSwarm(
            graph: "ring", count: 5, seed: seed, rounds: 8, loss: loss,
            exchange: "staleness: 2, compression: bf16, \(exchange)", rows: 40)
    }

    /// What each peer says that it took, in the order in which it says so.
    static func levels(_ swarm: VirtualSwarm, _ peer: Int) -> [String] {
        swarm.kinds(peer).compactMap { kind in
            if case .compressionChosen(_, let level, _, _, _) = kind { level } else { nil }
        }
    }

    private static func check(_ swarm: inout VirtualSwarm, tolerance: Double) throws {
        let isDone = swarm.run()
        #expect(isDone)
        let finals = swarm.finals(0..<5)
        try #require(finals.count == 5)
        #expect(ConsensusDistance.relative(finals) <= 1e-3)
        let ideal = swarm.ideal(0..<5)
        #expect(finals[0].distance(to: ideal) / ideal.norm < tolerance)
        for peer in 0..<5 {
            let kinds = swarm.kinds(peer)
            let (refused, settled) = (
                kinds.contains { if case .contributionRefused = $0 { true } else { false } },
                kinds.contains { if case .settled = $0 { true } else { false } }
            )
            #expect(!refused && settled)
        }
    }

    /// Each peer has another budget, and a level of its own.
    @Test(arguments: 1..<4 as Range<UInt64>, [0, 0.15]) func peersOnDifferentLevelsAgree(
        seed: UInt64, loss: Double
    ) throws {
        let budgets = [3000, 1600, 1200, 1010, 500]
        var swarm = try Self.swarm("budget: 2500B", seed: seed, loss: loss)
        swarm.adjust = { $0.exchange.budget?.bytes = budgets[$0.roster.place] }
        try swarm.startAll()
        try Self.check(&swarm, tolerance: 0.1)
        for (peer, level) in ["bf16", "int8", "int4", "differences"].enumerated() where loss == 0 || peer < 3 {
            // With loss a session may stand later than the first contribution, for which nobody has the base.
            #expect(Self.levels(swarm, peer).first == level)
            if loss == 0 { #expect(Self.levels(swarm, peer).count == 1) }
        }
        let isOver = swarm.kinds(4).contains {
            if case .compressionChosen(_, _, _, 500, false) = $0 { true } else { false }
        }
        #expect(isOver)
    }

    /// A round's payloads to all neighbours, with what carries them, keep within the budget.
    @Test(arguments: ["2500B", "1500B", "1200B", "1100B"]) func theBudgetIsKept(budget: String) throws {
        var swarm = try Self.swarm("budget: \(budget)", seed: 3)
        try swarm.startAll()
        try Self.check(&swarm, tolerance: 0.1)
        let limit = Int(budget.dropLast()) ?? 0
        for peer in 0..<5 {
            for case .contributionPublished(let round, let count, _, _, _) in swarm.kinds(peer) where round < 8 {
                #expect(2 * count < limit)
            }
        }
    }

    /// Slow peers have more time to send, and send more.
    @Test func theUplinkFollowsTheMeasuredTime() throws {
        var swarm = try Self.swarm("uplink: 16kbit/s", seed: 2)
        let times = [600, 850, 1200, 1300, 520]
        for peer in 0..<5 { swarm.members[peer].trainingTime = .milliseconds(times[peer]) }
        try swarm.startAll()
        try Self.check(&swarm, tolerance: 0.1)
        let levels = ["int4", "int8", "bf16", "bf16", "differences"]
        for peer in 0..<5 { #expect(Self.levels(swarm, peer) == [levels[peer]], "peer \(peer)") }
    }

    /// A peer that dies and comes back, in training or in settling, with its disk or without, is given what it can read, and
    /// gives what the others can read.
    @Test(arguments: ["1200B", "1010B"], [2500, 5200, 8400, 8600])
    func whoRestartsFollowsAgain(budget: String, moment: Int) throws {
        for hasDisk in [true, false] {
            var swarm = try Self.swarm("budget: \(budget)", seed: UInt64(moment), loss: 0.02)
            try swarm.startAll()
            swarm.after(.milliseconds(moment)) { swarm in
                guard swarm.members[2].core != nil else { return }
                swarm.crash(2)
                if !hasDisk { swarm.members[2].disk = nil }
            }
            swarm.after(.milliseconds(moment + 1500)) { swarm in
                if swarm.members[2].core == nil, swarm.members[2].stopped == nil { try! swarm.start(2) }
            }
            let isDone = swarm.run()
            #expect(isDone)
            let finals = swarm.finals(0..<5)
            try #require(finals.count == 5)
            #expect(ConsensusDistance.relative(finals) <= 1e-3)
            for peer in 0..<5 {
                let refused = swarm.kinds(peer).contains { if case .contributionRefused = $0 { true } else { false } }
                #expect(!refused)
            }
        }
    }
}
