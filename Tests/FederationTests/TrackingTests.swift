import Adapters
import Aggregation
import Basics
import Federation
import Overlay
import Recording
import SwarmFile
import TestSupport
import Testing

/// `exchange.tracking` in a swarm: peers with unequal targets stay together while they train.
@Suite struct TrackingTests {
    static func swarm(
        _ graph: String, count: Int, seed: UInt64 = 1, rounds: Int = 20, loss: Double = 0, tracking: Bool = true,
        more: String = ""
    ) throws -> VirtualSwarm {
        try VirtualSwarm(
            graph: graph, count: count, seed: seed, rounds: rounds, loss: loss,
            exchange: "staleness: 2, tracking: \(tracking)\(more)")
    }

    /// How far peers are from their mean, on average, when they have mixed in the last round with training; relative to it.
    static func spread(_ swarm: inout VirtualSwarm) throws -> Double {
        try swarm.startAll()
        for index in swarm.members.indices { swarm.members[index].core!.isAudited = true }
        let stopped = swarm.run(for: .seconds(2400))
        #expect(stopped)
        let last = swarm.topology.tuning.rounds - 1
        let deltas = try swarm.members.map { try #require($0.mixed[last]) }
        let mean = WeightedMean.of(zip(swarm.members, deltas).map { ($0.sampleCount, $1) })!
        return deltas.reduce(0) { $0 + $1.distance(to: mean) / Double(deltas.count) } / mean.norm
    }

    /// The largest distance of a peer's final adapter from the best of all records, relative to that.
    static func bias(_ swarm: VirtualSwarm) -> Double {
        let optimum = swarm.optimum(swarm.members.indices)
        return swarm.finals(swarm.members.indices).map { $0.distance(to: optimum) / optimum.norm }.max() ?? .infinity
    }

    @Test(arguments: ["ring", "torus"], ["none", "bf16"]) func peersStayTogether(
        graph: String, compression: String
    ) throws {
        var with = try Self.swarm(graph, count: 9, seed: 5, rounds: 40, more: ", compression: \(compression)")
        var without = try Self.swarm(
            graph, count: 9, seed: 5, rounds: 40, tracking: false, more: ", compression: \(compression)")
        let (near, far) = (try Self.spread(&with), try Self.spread(&without))
        #expect(near < (graph == "ring" ? 0.5 : 0.25) * far, "\(near) against \(far)")
        let finals = with.finals(0..<9)
        #expect(finals.count == 9 && ConsensusDistance.relative(finals) <= 1e-3)
        #expect(Self.bias(with) < 0.05, "\(Self.bias(with))")
    }

    /// Lost datagrams, a crash with and without the disk, and peers that only relay: the swarm agrees, on nearly the best of
    /// all records.
    @Test(arguments: [true, false], [0.0, 0.1]) func faultsDoNotLeadAstray(keepsDisk: Bool, loss: Double) throws {
        var swarm = try Self.swarm("exponential", count: 8, seed: 2, rounds: 40, loss: loss)
        swarm.adjust = { $0.participation = Participation(share: 0.75, seed: 3) }
        try swarm.startAll()
        swarm.crash(2, after: .seconds(6), keepsDisk: keepsDisk, for: .seconds(12))
        swarm.crash(5, after: .seconds(15), keepsDisk: true, for: .seconds(1))
        let stopped = swarm.run(for: .seconds(2400))
        #expect(stopped)
        let finals = swarm.finals(0..<8)
        #expect(finals.count == 8 && ConsensusDistance.relative(finals) <= 1e-3)
        #expect(Self.bias(swarm) < 0.1, "\(Self.bias(swarm))")
    }

    /// A peer that is restarted goes on with what its checkpoint holds: the swarm goes to where it would have gone without.
    @Test(arguments: [1.4, 4.3, 6.9]) func aRestartedPeerGoesOn(moment: Double) throws {
        func finals(crash: Bool) throws -> [AdapterDelta] {
            var swarm = try Self.swarm("ring", count: 5, seed: 7, rounds: 12, more: ", patience: 60")
            try swarm.startAll()
            if crash { swarm.crash(2, after: .seconds(moment), keepsDisk: true, for: .seconds(3)) }
            let stopped = swarm.run(for: .seconds(1200))
            #expect(stopped)
            return swarm.finals(0..<5)
        }
        let (with, without) = (try finals(crash: true), try finals(crash: false))
        #expect(with.count == 5 && without.count == 5)
        #expect(with[0].distance(to: without[0]) < 2e-3 * without[0].norm)
    }

    /// A trainer that does not tell its gradient, or tells what is no number, is not gone on with: the reason is told, and the
    /// swarm agrees all the same.
    @Test(arguments: [true, false]) func whoTellsNoGradientHasNotTrained(isSilent: Bool) throws {
        var swarm = try Self.swarm("complete", count: 4, seed: 3, rounds: 6)
        swarm.alter = { index, outcome in
            guard index == 1 else { return }
            if isSilent { outcome.gradient = nil } else { outcome.gradient?[0] = .nan }
        }
        try swarm.startAll()
        let stopped = swarm.run(for: .seconds(1200))
        #expect(stopped && ConsensusDistance.relative(swarm.finals(0..<4)) <= 1e-3)
        let reasons = swarm.kinds(1).compactMap { kind -> String? in
            if case .trainingFailed(_, let reason) = kind { reason } else { nil }
        }
        #expect(reasons.count == 6 && reasons[0].contains("gradient"))
        #expect(swarm.kinds(0).allSatisfy { if case .trainingFailed = $0 { false } else { true } })
    }

    /// Who tracks and who does not refuse each other's contributions, and do not mix half of one.
    @Test func aSwarmTracksAsAWhole() throws {
        var swarm = try Self.swarm("complete", count: 3, seed: 3, rounds: 4)
        try swarm.start(1)
        try swarm.start(2)
        swarm.adjust = { $0.exchange.tracksGradients = false }
        try swarm.start(0)
        _ = swarm.run(for: .seconds(600))
        let refused = swarm.kinds(1).contains {
            if case .contributionRefused(_, _, _, let reason) = $0 { reason.contains("length") } else { false }
        }
        #expect(refused)
    }
}
