package import Adapters
import Basics
package import Overlay

/// Averaging in pairs: in a round with training a peer exchanges adapters with one neighbour, and both go on with the mean of
/// the two, weighted by what they count (randomised gossip: Boyd, Ghosh, Prabhakar and Shah, 2006).
///
/// Who pairs with whom follows from the graph and the round number, so that all know it: the edges are coloured, no two of
/// one colour at one peer, and the rounds go through the colours. In a period of as many rounds as there are colours every
/// edge has its turn once. On a hypercube the colours are its dimensions, and one period gives the exact mean of peers that
/// count alike (dimension exchange: Cybenko, 1989). A peer sends as many bytes as its adapter has, whatever its degree.
///
/// `n_i w_ij = n_j w_ji`, so the weighted mean stays. Where only one of two hears the other, it moves. In settling rounds
/// everybody mixes with all neighbours, as Metropolis–Hastings does: that is how agreement is proved.
package struct PairwiseMixing: MixingRule {
    /// Each peer's partner, by colour; nil where it has none.
    private var partners: [Int?] = []
    private var average = CopyAverage()

    package init() {}

    package var keepsMeanOfCopies: Bool { true }

    package var sharesWithEveryone: Bool { false }

    package mutating func join(_ graph: SwarmGraph, as place: Int) {
        partners = Self.matchings(of: graph).map { $0[place] }
    }

    package func sources(in round: MixingRound) -> MixingAudience {
        if round.isSettling { return .everyone }
        return .only(Set(partner(in: round).map { [$0.id] } ?? []))
    }

    package mutating func outgoing(_ delta: AdapterDelta, in round: MixingRound) -> [OutgoingShare] {
        [OutgoingShare(audience: round.isFinal ? .everyone : sources(in: round), delta: delta)]
    }

    package mutating func sent(_ share: OutgoingShare, in round: MixingRound) { average.tell(share, in: round) }

    package mutating func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound
    ) -> MixingOutcome {
        if round.isSettling {
            return average.mix(own, with: heard, in: round) { share, member in
                MetropolisMixing.weight(
                    count: round.weight, degree: round.roster.degree, otherCount: share.weight,
                    otherDegree: member.degree)
            }
        }
        let partner = partner(in: round)?.id
        // What others sent for rounds of theirs has been mixed then.
        let paired = heard.filter { $0.origin == partner && $0.round == round.number }
        return average.mix(own, with: paired, in: round) { share, _ in
            Self.weight(count: round.weight, otherCount: share.weight)
        }
    }

    /// Whom the peer exchanges with in a round with training.
    private func partner(in round: MixingRound) -> Roster.Member? {
        guard !partners.isEmpty, let place = partners[round.number % partners.count] else { return nil }
        return round.roster.members.first { $0.place == place }
    }

    /// What a peer takes of its partner.
    private static func weight(count: Int, otherCount: Int) -> Double {
        let (own, other) = (Double(max(1, count)), Double(max(1, otherCount)))
        return other / (own + other)
    }

    package func matrix(of graph: SwarmGraph, sampleCounts: [Int]) -> MixingMatrix? {
        MetropolisMixing().matrix(of: graph, sampleCounts: sampleCounts)
    }

    package func matrices(of graph: SwarmGraph, sampleCounts: [Int]) -> [MixingMatrix] {
        Self.matchings(of: graph).map { partners in
            MixingMatrix(graph: graph, stationary: sampleCounts.map { Double(max(1, $0)) }) { peer, other in
                partners[peer] == other ? Self.weight(count: sampleCounts[peer], otherCount: sampleCounts[other]) : 0
            }
        }
    }

    package func shares(in graph: SwarmGraph, settlingNumber: Int?) -> [Double] {
        let turns = settlingNumber == nil ? max(1, Self.matchings(of: graph).count) : 1
        return graph.neighbours.map { Double($0.count) / Double(turns) }
    }

    /// The edges by colour, as each peer's partner: an edge gets the first colour that neither of its peers has yet, in the
    /// order of the edges. At most `2 d − 1` colours where d is the largest degree, and mostly d or one more.
    package static func matchings(of graph: SwarmGraph) -> [[Int?]] {
        var matchings: [[Int?]] = []
        for edge in graph.edges {
            let free = matchings.firstIndex { $0[edge.first] == nil && $0[edge.second] == nil } ?? matchings.count
            if free == matchings.count { matchings.append(Array(repeating: nil, count: graph.count)) }
            matchings[free][edge.first] = edge.second
            matchings[free][edge.second] = edge.first
        }
        return matchings
    }
}
