import Adapters
import Aggregation
import Basics
import Federation
import Testing

/// Whole swarms of peers that read copies of each other's adapters.
@Suite struct CompressionTests {
    static let compressions = ["bf16", "int8", "int4", "differences", "top-k"]

    static func swarm(_ compression: String, seed: UInt64, loss: Double = 0) throws -> VirtualSwarm {
        try VirtualSwarm(
            graph: "ring", count: 5, seed: seed, rounds: 8, loss: loss,
            exchange: "staleness: 2, compression: \(compression)", rows: 40)
    }

    @Test(arguments: compressions, [0, 0.15])
    func peersAgreeAsCloselyAsTheySay(compression: String, loss: Double) throws {
        for seed in 1...3 as ClosedRange<UInt64> {
            var swarm = try Self.swarm(compression, seed: seed, loss: loss)
            try swarm.startAll()
            let isDone = swarm.run()
            #expect(isDone)
            let finals = swarm.finals(0..<5)
            try #require(finals.count == 5)
            #expect(ConsensusDistance.relative(finals) <= 1e-3)
            // What averaging without a mistake leads to; rounding at random shifts what is trained from, and no more.
            let ideal = swarm.ideal(0..<5)
            #expect(
                finals[0].distance(to: ideal) / ideal.norm < (["int4", "top-k"].contains(compression) ? 0.1 : 0.02))
            let isSettled = swarm.kinds(0).contains { if case .settled = $0 { true } else { false } }
            #expect(isSettled)
        }
    }

    /// The exact mean is kept where nobody is missing: without local steps in between, the end is the mean of the beginning.
    @Test(arguments: compressions) func settlingEndsInTheMeanThatItBeganWith(compression: String) throws {
        var swarm = try VirtualSwarm(
            graph: "complete", count: 4, seed: 5, rounds: 1,
            exchange: "staleness: 2, compression: \(compression)", rows: 40)
        try swarm.startAll()
        let isDone = swarm.run()
        #expect(isDone)
        let ideal = swarm.ideal(0..<4)
        for final in swarm.finals(0..<4) { #expect(final.distance(to: ideal) / ideal.norm < 1e-3) }
    }

    /// A peer that dies and comes back, in training or in settling, with its disk or without, is given what it can read.
    @Test(arguments: compressions, [2500, 5200, 8400, 8600])
    func whoRestartsFollowsAgain(compression: String, moment: Int) throws {
        for hasDisk in [true, false] {
            var swarm = try Self.swarm(compression, seed: UInt64(moment), loss: 0.02)
            try swarm.startAll()
            swarm.crash(2, after: .milliseconds(moment), keepsDisk: hasDisk, for: .milliseconds(1500))
            try swarm.expectToAgree()
        }
    }

    /// Settling costs less than three rounds with training where all know each other, though the toy's peers begin it far
    /// apart and its adapters are too small for a coder to learn much.
    @Test func settlingIsCheap() throws {
        var swarm = try VirtualSwarm(
            graph: "complete", count: 4, seed: 5, rounds: 6,
            exchange: "staleness: 2, compression: bf16", rows: 400)
        try swarm.startAll()
        let isDone = swarm.run()
        #expect(isDone)
        var bytes = (training: 0, settling: 0)
        for kind in swarm.kinds(0) {
            guard case .contributionPublished(let round, let count, _, _, _) = kind else { continue }
            if round < 6 { bytes.training += count } else { bytes.settling += count }
        }
        #expect(bytes.settling < bytes.training / 2, "\(bytes)")
    }
}
