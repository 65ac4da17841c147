import Adapters
import Aggregation
import Basics
import Overlay
import Testing

@Suite struct AgreementSettlingTests {
    static func limits(depth: Int, rounds: Int = 50) -> SettlingLimits {
        SettlingLimits(consensusBound: 1e-2, depth: depth, rounds: rounds)
    }

    /// In a swarm whose peers all agree from a round on, all of them know it `depth + 1` rounds later, in the same round.
    @Test(arguments: [3, 4, 7, 12]) func everybodyKnowsAtOnce(count: Int) throws {
        let graph = SwarmGraph.ring(count: count)
        let depth = graph.diameterWithOneMissing
        var peers = (0..<count).map { _ in AgreementSettling(Self.limits(depth: depth)) }
        for round in 0..<depth + 6 {
            let news = peers.map { SettlingNews.status($0.status) }
            for peer in 0..<count {
                // In the first three rounds one edge still disagrees.
                let disagreement = round < 3 && peer == 0 ? 0.5 : 1e-6
                peers[peer].advance(disagreement: disagreement, heard: graph.neighbours[peer].map { news[$0] })
            }
            let verdicts = Set(peers.map { $0.verdict(after: round) })
            #expect(verdicts == (round >= 3 + depth ? [.settled] : [.unsettled]), "round \(round)")
        }
    }

    @Test func silenceAndUnknownDisagreementDelayTheEnd() {
        for heard in [SettlingNews.silence, .status([])] {
            var peer = AgreementSettling(Self.limits(depth: 1, rounds: 5))
            for round in 0..<5 {
                peer.advance(disagreement: 0, heard: [heard])
                #expect(peer.verdict(after: round) == .unsettled)
            }
            #expect(peer.verdict(after: 5) == .limitReached)
        }
        var alone = AgreementSettling(Self.limits(depth: 0))
        alone.advance(disagreement: nil, heard: [])
        #expect(alone.verdict(after: 0) == .unsettled)
        alone.advance(disagreement: 0, heard: [])
        #expect(alone.verdict(after: 1) == .settled)
        alone.restart()
        #expect(alone.verdict(after: 1) == .unsettled)
    }

    @Test func whoHasFinishedAgrees() {
        var peer = AgreementSettling(Self.limits(depth: 2))
        for _ in 0..<3 { peer.advance(disagreement: 0, heard: [.finished, .finished]) }
        #expect(peer.verdict(after: 3) == .settled)
    }

    @Test(arguments: [0, 1, 5]) func statusesHaveTheDepthsLength(depth: Int) {
        let rule = AgreementSettling(Self.limits(depth: depth))
        #expect(rule.accepts(rule.status[...]) && rule.status.count == depth + 1)
        #expect(!rule.accepts([]) && !rule.accepts([UInt8](repeating: 9, count: depth + 2)[...]))
    }

    @Test(arguments: [1e-6, 1e-3, 0.5], [1, 4, 60]) func theEdgeBoundGivesTheSwarms(bound: Double, depth: Int) {
        let edge = SettlingLimits(consensusBound: bound, depth: depth, rounds: 1).edgeBound
        let reached = Double(depth) * edge / (1 - Double(depth) * edge)
        // Below what single precision can tell apart the bound is aimed at, not promised.
        if edge > 3e-7 { #expect(abs(reached - bound) < 1e-12) } else { #expect(edge == 3e-7) }
    }

    @Test func consensusDistanceIsRelativeToTheMean() {
        func delta(_ value: Float) -> AdapterDelta { ExchangeRig.delta([value, 0, 0, 0, 0, 0]) }
        #expect(ConsensusDistance.relative([delta(1), delta(3)]) == 0.5)
        #expect(ConsensusDistance.relative([delta(2), delta(2)]) == 0)
    }
}
