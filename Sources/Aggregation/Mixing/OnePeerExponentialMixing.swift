package import Adapters
import Basics
package import Overlay

/// Push-sum with one neighbour a round, on the one-peer exponential graph (Ying et al., "Exponential graph is provably
/// efficient for decentralized deep training", arXiv 2110.13363): in a round each peer gives half of its mass to the peer
/// one hop further in the topology file, and takes half of that of the peer one hop before. Hops are 1, 2, 4 … places, one
/// after the other. Where the number of peers is a power of two, any period of hops that nothing is missing in gives everybody
/// the exact weighted mean.
///
/// What is sent are push-sum's running sums (`PushSumMixing`), so that mass is kept whatever is lost, and the mean is that of
/// what peers count. A peer sends as many bytes a round as its adapter has, whatever its degree.
///
/// Deviations from the source:
/// - Every other period goes backwards: to whom it gave in a period, a peer listens in the next. So every neighbour is heard
///   from every two periods, says what it has taken, and shows that it is there; the product of a period stays what it is.
/// - Settling begins with one period, which makes peers equal at the price of one contribution a round. Then everybody gives to
///   all neighbours, as in push-sum: agreement is proved between neighbours that hear each other in one round.
package struct OnePeerExponentialMixing: MixingRule {
    private var sums: PushSumMixing
    private var turns = ExponentialTurns(count: 0, place: 0)

    package init(normLimit: Double = 1e6) { sums = PushSumMixing(normLimit: normLimit) }

    package mutating func join(_ graph: SwarmGraph, as place: Int) {
        turns = ExponentialTurns(count: graph.count, place: place)
        // A neighbour speaks every two periods: who has missed one turn is given nothing in the next.
        sums.patience = max(sums.patience, 2 * turns.period)
    }

    package var headerByteCount: Int { sums.headerByteCount }

    package var sharesWithEveryone: Bool { false }

    package var movesMass: Bool { true }

    package var mass: MassAccount? { sums.mass }

    /// Whether the peer exchanges with one neighbour in this round, not with all.
    private func isOnePeer(_ round: MixingRound) -> Bool {
        !round.isFinal && (!round.isSettling || round.settlingNumber < turns.period)
    }

    private func member(at place: Int?, in round: MixingRound) -> PeerID? {
        place.flatMap { place in round.roster.members.first { $0.place == place } }?.id
    }

    package func sources(in round: MixingRound) -> MixingAudience {
        guard isOnePeer(round) else { return .everyone }
        return .only(Set(member(at: turns.source(in: round.number), in: round).map { [$0] } ?? []))
    }

    package mutating func outgoing(_ delta: AdapterDelta, in round: MixingRound) -> [OutgoingShare] {
        guard isOnePeer(round) else { return sums.outgoing(delta, in: round) }
        return sums.outgoing(delta, halfTo: member(at: turns.target(in: round.number), in: round), in: round)
    }

    package mutating func sent(_ share: OutgoingShare, in round: MixingRound) { sums.sent(share, in: round) }

    package mutating func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound
    ) -> MixingOutcome {
        guard isOnePeer(round) else { return sums.mix(own, with: heard, in: round) }
        let source = member(at: turns.source(in: round.number), in: round)
        // What others sent for rounds to come is mixed then: it would be missed there.
        let due = heard.filter { $0.origin == source || $0.round <= round.number }
        var outcome = sums.mix(own, with: due, in: round)
        // One neighbour says nothing of the swarm's agreement.
        if round.isSettling { outcome.disagreement = .infinity }
        return outcome
    }

    /// Who calls its sums final says something else to every neighbour: parts of another time weigh most in each of them.
    package func isFinalAdapter(_ share: HeardShare) -> Bool { sums.isAdapter(share) }

    package mutating func adopt(_ heard: [HeardShare], in round: MixingRound) -> AdapterDelta? {
        sums.adopt(heard, in: round)
    }

    /// Of settling, once all give to all.
    package func matrix(of graph: SwarmGraph, sampleCounts: [Int]) -> MixingMatrix? {
        sums.matrix(of: graph, sampleCounts: sampleCounts)
    }

    /// Of the two periods: half of the own mass stays, half is the source's. Weights become equal, whatever peers count; what
    /// they count is in the mass that they begin with.
    package func matrices(of graph: SwarmGraph, sampleCounts: [Int]) -> [MixingMatrix] {
        let all = (0..<graph.count).map { ExponentialTurns(count: graph.count, place: $0) }
        return (0..<2 * (all.first?.period ?? 0)).map { number in
            let sources = all.map { $0.source(in: number) }
            return MixingMatrix(graph: graph, stationary: graph.neighbours.map { _ in 1 }) { peer, other in
                sources[peer] == other ? 0.5 : 0
            }
        }
    }

    package func shares(in graph: SwarmGraph, settlingNumber: Int?) -> [Double] {
        graph.neighbours.map { neighbours in
            let isOnePeer = settlingNumber.map { $0 < ExponentialTurns(count: graph.count, place: 0).period } ?? true
            return isOnePeer ? 1 : Double(neighbours.count)
        }
    }

    /// One period, and what is left after it.
    package func settlingRounds(to bound: Double, in graph: SwarmGraph) -> Int? {
        let turns = matrices(of: graph, sampleCounts: graph.neighbours.map { _ in 1 })
        // Of two periods; each does half of it.
        let left = bound / MixingMatrix.contraction(of: turns).squareRoot()
        let rest = left < 1 ? sums.settlingRounds(to: left, in: graph) : 0
        return rest.map { turns.count / 2 + $0 }
    }

    /// In the period that settling begins with nobody measures anything.
    package func settling(_ limits: SettlingLimits) -> any SettlingRule {
        AgreementSettling(limits, unmeasured: turns.period)
    }

    package var state: [UInt8] { sums.state }

    package mutating func restore(_ state: [UInt8]) throws(ExchangeStateError) { try sums.restore(state) }
}

/// Who gives to whom on the one-peer exponential graph.
package struct ExponentialTurns: Sendable, Hashable {
    /// The number of peers.
    private let count: Int
    /// Which of them this is, from zero.
    private let place: Int
    /// Rounds in which every hop has its turn: ⌈log₂ count⌉.
    package let period: Int

    package init(count: Int, place: Int) {
        self.count = count
        self.place = place
        var period = 0
        while 1 << period < count { period += 1 }
        self.period = period
    }

    /// How many places further a peer gives in a round, modulo their number; nil where there is one peer or none.
    private func hop(in round: Int) -> Int? {
        guard period > 0 else { return nil }
        let hop = 1 << (round % period)
        return (round / period).isMultiple(of: 2) ? hop : count - hop
    }

    /// To whom the peer gives in a round.
    package func target(in round: Int) -> Int? { hop(in: round).map { (place + $0) % count } }

    /// From whom the peer takes in a round.
    package func source(in round: Int) -> Int? { hop(in: round).map { (place + count - $0) % count } }

    /// An edge that `graph` lacks for peers to take turns on it; nil where it has all.
    package static func missingEdge(in graph: SwarmGraph) -> SwarmGraph.Edge? {
        for hop in 0..<ExponentialTurns(count: graph.count, place: 0).period {
            for peer in 0..<graph.count {
                let other = (peer + (1 << hop)) % graph.count
                if !graph.neighbours[peer].contains(other) { return SwarmGraph.Edge(peer, other) }
            }
        }
        return nil
    }
}
