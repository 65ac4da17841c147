import Adapters
import Aggregation
import Basics
import Overlay
import Testing

@Suite struct AgreementSettlingTests {
    static func limits(depth: Int, rounds: Int = 50) -> SettlingLimits {
        SettlingLimits(consensusBound: 1e-2, depth: depth, rounds: rounds)
    }

    static func id(_ place: Int) -> PeerID { PeerID(bytes: [UInt8](repeating: UInt8(place + 1), count: 32))! }

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
                let passedOver = peers[peer].advance(
                    disagreement: disagreement, heard: graph.neighbours[peer].map { (Self.id($0), news[$0]) })
                #expect(passedOver.isEmpty)
            }
            let verdicts = Set(peers.map { $0.verdict(after: round) })
            #expect(verdicts == (round >= 3 + depth ? [.settled] : [.unsettled]), "round \(round)")
        }
    }

    @Test func silenceAndUnknownDisagreementDelayTheEnd() {
        for heard in [SettlingNews.silence, .status([])] {
            var peer = AgreementSettling(Self.limits(depth: 1, rounds: 5))
            for round in 0..<5 {
                _ = peer.advance(disagreement: 0, heard: [(Self.id(0), heard)])
                #expect(peer.verdict(after: round) == .unsettled)
            }
            #expect(peer.verdict(after: 5) == .limitReached)
        }
        var alone = AgreementSettling(Self.limits(depth: 0))
        _ = alone.advance(disagreement: nil, heard: [])
        #expect(alone.verdict(after: 0) == .unsettled)
        _ = alone.advance(disagreement: 0, heard: [])
        #expect(alone.verdict(after: 1) == .settled)
        alone.restart()
        #expect(alone.verdict(after: 1) == .unsettled)
    }

    /// A line of four whose first peer denies the agreement for ever: its neighbour passes it over after its patience, and
    /// the others know of the agreement as soon as that has come round.
    @Test func whoDeniesForEverIsPassedOver() {
        let limits = Self.limits(depth: 3, rounds: 1000)
        let denial = SettlingNews.status([UInt8](repeating: 0, count: 4))
        var peers = (0..<4).map { _ in AgreementSettling(limits) }
        var ends = [Int?](repeating: nil, count: 4)
        for round in 0..<limits.patience + 10 {
            let news = peers.enumerated().map { $0.offset == 0 ? denial : SettlingNews.status($0.element.status) }
            for peer in 1..<4 {
                let heard = [peer - 1, peer + 1].filter { $0 < 4 }.map { (Self.id($0), news[$0]) }
                let passedOver = peers[peer].advance(disagreement: 1e-6, heard: heard)
                #expect(passedOver == (peer == 1 && round == limits.patience - 1 ? [Self.id(0)] : []), "\(round)")
                if peers[peer].verdict(after: round) == .settled { ends[peer] = ends[peer] ?? round }
            }
        }
        for end in ends.dropFirst() { #expect(end.map { $0 < limits.patience + 5 } == true, "\(ends)") }
    }

    /// Not while the peer itself measures no agreement, nor one that denies in all rounds but one.
    @Test(arguments: [false, true]) func whoMayBeRightIsNotPassedOver(agreesOnce: Bool) {
        let limits = Self.limits(depth: 1, rounds: 1000)
        var peer = AgreementSettling(limits)
        for round in 0..<3 * limits.patience {
            let tells: [UInt8] = agreesOnce && round % (limits.patience - 1) == 5 ? [8, 0] : [0, 0]
            let passedOver = peer.advance(
                disagreement: agreesOnce ? 0 : limits.edgeBound * 1.01, heard: [(Self.id(0), .status(tells))])
            #expect(passedOver.isEmpty && peer.verdict(after: round) == .unsettled)
        }
    }

    @Test func whoHasFinishedAgrees() {
        var peer = AgreementSettling(Self.limits(depth: 2))
        for _ in 0..<3 { _ = peer.advance(disagreement: 0, heard: [(Self.id(0), .finished), (Self.id(1), .finished)]) }
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
