package import Adapters
import Basics
package import Overlay

/// Push-sum with one neighbour a round, whose turns come round by `Turns`: in a round each peer gives a part of its mass to
/// one neighbour, and takes of one.
///
/// What is sent are push-sum's running sums (`PushSumMixing`), so that mass is kept whatever is lost, and the mean is that of
/// what peers count. A peer sends as many bytes a round as its adapter has, whatever its degree.
///
/// Deviation from the sources of both kinds of turns: settling begins with one period, which makes peers equal at the price of
/// one contribution a round. Then everybody gives to all neighbours, as in push-sum: agreement is proved between neighbours
/// that hear each other in one round.
package struct OnePeerMixing<Turns: PeerTurns>: MixingRule {
    private var sums: PushSumMixing
    private var turns = Turns(count: 0, place: 0)

    package init(normLimit: Double = 1e6) { sums = PushSumMixing(normLimit: normLimit) }

    package mutating func join(_ graph: SwarmGraph, as place: Int) {
        turns = Turns(count: graph.count, place: place)
        // Who has missed one turn is given nothing in the next, which is later where settling begins anew.
        sums.patience = max(sums.patience, turns.cycle + (Turns.beginsAnewInSettling ? turns.period : 0))
    }

    package var headerByteCount: Int { sums.headerByteCount }

    package var sharesWithEveryone: Bool { false }

    package var movesMass: Bool { true }

    package var mass: MassAccount? { sums.mass }

    /// Whether the peer exchanges with one neighbour in this round, not with all.
    private func isOnePeer(_ round: MixingRound) -> Bool {
        !round.isFinal && (!round.isSettling || round.settlingNumber < turns.period)
    }

    /// The number of the round's turn.
    private func turn(of round: MixingRound) -> Int {
        Turns.beginsAnewInSettling && round.isSettling ? round.settlingNumber : round.number
    }

    private func member(at place: Int?, in round: MixingRound) -> PeerID? {
        place.flatMap { place in round.roster.members.first { $0.place == place } }?.id
    }

    package func sources(in round: MixingRound) -> MixingAudience {
        guard isOnePeer(round) else { return .everyone }
        return .only(Set(member(at: turns.source(in: turn(of: round)), in: round).map { [$0] } ?? []))
    }

    package mutating func outgoing(_ delta: AdapterDelta, in round: MixingRound) -> [OutgoingShare] {
        guard isOnePeer(round) else { return sums.outgoing(delta, in: round) }
        let number = turn(of: round)
        return sums.outgoing(
            delta, giving: turns.part(in: number), to: member(at: turns.target(in: number), in: round), in: round)
    }

    package mutating func sent(_ share: OutgoingShare, in round: MixingRound) { sums.sent(share, in: round) }

    package mutating func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound
    ) -> MixingOutcome {
        guard isOnePeer(round) else { return sums.mix(own, with: heard, in: round) }
        let source = member(at: turns.source(in: turn(of: round)), in: round)
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

    /// Of one cycle. Weights become equal, whatever peers count; what they count is in the mass that they begin with.
    package func matrices(of graph: SwarmGraph, sampleCounts: [Int]) -> [MixingMatrix] {
        let all = (0..<graph.count).map { Turns(count: graph.count, place: $0) }
        return (0..<(all.first?.cycle ?? 0)).map { number in
            let sources = all.map { $0.source(in: number) }
            return MixingMatrix(graph: graph, stationary: graph.neighbours.map { _ in 1 }) { peer, other in
                sources[peer] == other ? all[other].part(in: number) : 0
            }
        }
    }

    package func shares(in graph: SwarmGraph, settlingNumber: Int?) -> [Double] {
        graph.neighbours.indices.map { place in
            let turns = Turns(count: graph.count, place: place)
            guard let settlingNumber else {
                let busy = (0..<turns.cycle).count { turns.target(in: $0) != nil }
                return turns.cycle > 0 ? Double(busy) / Double(turns.cycle) : 0
            }
            guard settlingNumber < turns.period else { return Double(graph.degree(of: place)) }
            // Kinds of turns that do not begin anew have a neighbour in every round.
            return turns.target(in: settlingNumber) == nil ? 0 : 1
        }
    }

    /// Turns that begin anew with settling may put two pauses in a row.
    package func longestPause(in graph: SwarmGraph) -> Int {
        let pauses = graph.neighbours.indices.map { place in
            let turns = Turns(count: graph.count, place: place)
            var (longest, pause) = (0, 0)
            for number in 0..<turns.cycle {
                pause = turns.source(in: number) == nil ? pause + 1 : 0
                longest = max(longest, pause)
            }
            return longest
        }
        return 2 * (pauses.max() ?? 0)
    }

    /// One period, and what is left after it.
    package func settlingRounds(to bound: Double, in graph: SwarmGraph) -> Int? {
        let turns = Turns(count: graph.count, place: 0)
        let contraction = MixingMatrix.contraction(
            of: matrices(of: graph, sampleCounts: graph.neighbours.map { _ in 1 }))
        // Of a cycle, which may be two periods; each then does half of it.
        let left = bound / (turns.cycle > turns.period ? contraction.squareRoot() : contraction)
        let rest = left < 1 ? sums.settlingRounds(to: left, in: graph) : 0
        return rest.map { turns.period + $0 }
    }

    /// In the period that settling begins with nobody measures anything.
    package func settling(_ limits: SettlingLimits) -> any SettlingRule {
        AgreementSettling(limits, unmeasured: turns.period)
    }

    package var state: [UInt8] { sums.state }

    package mutating func restore(_ state: [UInt8]) throws(ExchangeStateError) { try sums.restore(state) }
}

/// Who exchanges with one neighbour a round, and with whom.
package protocol PeerTurns: Sendable {
    /// The turns of the peer at `place` of `count`.
    init(count: Int, place: Int)

    /// Rounds in which what every peer has reaches all.
    var period: Int { get }

    /// Rounds after which turns repeat: each neighbour is heard within them.
    var cycle: Int { get }

    /// Whether settling begins with the first turn of a period; else turns go on.
    static var beginsAnewInSettling: Bool { get }

    /// To whom the peer gives in a round; nil for nobody.
    func target(in round: Int) -> Int?

    /// From whom the peer takes in a round; nil for nobody.
    func source(in round: Int) -> Int?

    /// The part of its mass that the peer gives away in a round.
    func part(in round: Int) -> Double
}

extension PeerTurns {
    /// An edge that `graph` lacks for peers to take turns on it; nil where it has all.
    package static func missingEdge(in graph: SwarmGraph) -> SwarmGraph.Edge? {
        let all = (0..<graph.count).map { Self(count: graph.count, place: $0) }
        for round in 0..<(all.first?.cycle ?? 0) {
            for peer in all.indices {
                if let other = all[peer].target(in: round), !graph.neighbours[peer].contains(other) {
                    return SwarmGraph.Edge(peer, other)
                }
            }
        }
        return nil
    }
}

/// The one-peer exponential graph (Ying et al., "Exponential graph is provably efficient for decentralized deep training",
/// arXiv 2110.13363): each peer gives half of its mass to the peer one hop further in the topology file, and takes half of that
/// of the peer one hop before. Hops are 1, 2, 4 … places, one after the other. Where the number of peers is a power of two,
/// any period of hops that nothing is missing in gives everybody the exact weighted mean.
///
/// Deviation: every other period goes backwards: to whom it gave in a period, a peer listens in the next. So every neighbour
/// is heard from every two periods, says what it has taken, and shows that it is there; the product of a period stays what it
/// is.
package struct ExponentialTurns: PeerTurns, Hashable {
    /// The number of peers.
    private let count: Int
    /// Which of them this is, from zero.
    private let place: Int
    /// ⌈log₂ count⌉: every hop has its turn.
    package let period: Int

    package var cycle: Int { 2 * period }

    package static var beginsAnewInSettling: Bool { false }

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

    package func target(in round: Int) -> Int? { hop(in: round).map { (place + $0) % count } }

    package func source(in round: Int) -> Int? { hop(in: round).map { (place + count - $0) % count } }

    package func part(in round: Int) -> Double { 0.5 }
}

/// The exact mean of any number of peers: who exchanges gives and takes with the same neighbour.
extension BaseTwoTurns: PeerTurns {
    package var cycle: Int { period }

    package static var beginsAnewInSettling: Bool { true }

    private func turn(ofRound round: Int) -> Turn? { period > 0 ? turn(in: round % period) : nil }

    package func target(in round: Int) -> Int? { turn(ofRound: round)?.peer }

    package func source(in round: Int) -> Int? { turn(ofRound: round)?.peer }

    package func part(in round: Int) -> Double { turn(ofRound: round)?.part ?? 0 }
}
