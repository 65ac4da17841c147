package import Basics

/// How peers that only mix find out that the swarm agrees: what each tells the others about it, and when it is known.
///
/// A value with the state of one peer. Its status goes out with every contribution of a settling round; after each such
/// round `advance` takes what was measured and heard, and `verdict` says whether the peer may stop.
package protocol SettlingRule: Sendable {
    /// What the peer tells its neighbours: at most 511 bytes.
    var status: [UInt8] { get }

    /// Whether a neighbour's status is one of this rule.
    func accepts(_ status: ArraySlice<UInt8>) -> Bool

    /// A settling round was mixed.
    ///
    /// - Parameters:
    ///   - disagreement: the largest relative distance to a neighbour before mixing; nil if one that is there was not heard.
    ///   - heard: what each neighbour told, in any order.
    /// - Returns: the neighbours whose denial of the agreement counts no more from this round on.
    mutating func advance(disagreement: Double?, heard: [(origin: PeerID, news: SettlingNews)]) -> [PeerID]

    /// The least number of settling rounds after which any peer of the swarm can know that it agrees.
    var leastRounds: Int { get }

    /// Whether the peer may stop after so many settling rounds.
    func verdict(after rounds: Int) -> SettlingVerdict

    /// The peer took another adapter as its own: what it knew holds no longer.
    mutating func restart()
}

extension SettlingRule {
    /// Of a rule that does not say more: none.
    package var leastRounds: Int { 0 }
}

/// What a neighbour told in a settling round.
package enum SettlingNews: Sendable, Hashable {
    /// It has finished: its adapter moves no more.
    case finished
    /// Its status, which the rule accepts; empty in a round with training.
    case status([UInt8])
    /// Nothing, though it is there.
    case silence
}

/// Whether a peer may stop mixing.
package enum SettlingVerdict: Sendable, Hashable {
    /// It is not known that the swarm agrees.
    case unsettled
    /// The swarm agrees.
    case settled
    /// It took more rounds than the graph lets expect.
    case limitReached
}

/// When the swarm agrees, and how long that may take.
package struct SettlingLimits: Sendable, Hashable {
    /// The relative consensus distance at which the swarm is done.
    package var consensusBound: Double
    /// How far news has to travel: the graph's diameter when one peer is missing.
    package var depth: Int
    /// Settling rounds after which a peer gives up.
    package var rounds: Int
    /// Whether neighbours read copies that differ from the adapters by up to `errorBound`.
    package var hasCopies: Bool

    package init(consensusBound: Double, depth: Int, rounds: Int, hasCopies: Bool = false) {
        self.consensusBound = consensusBound
        self.depth = depth
        self.rounds = rounds
        self.hasCopies = hasCopies
    }

    /// How many settling rounds in a row a neighbour may deny an agreement that was measured.
    package var patience: Int { 4 * depth + 50 }

    /// What single precision can tell apart.
    private static let floor = 3e-7

    /// The largest relative distance between neighbours from which `consensusBound` follows for the whole swarm: over at
    /// most `D = depth` edges of ε each, no peer is further than `Dε / (1 − Dε)` from the mean, and that is the bound for
    /// `ε = bound / (D (1 + bound))`. Not below what single precision can tell apart. Where there are copies, half of it is
    /// left to their errors.
    package var edgeBound: Double {
        max(Self.floor, consensusBound / (Double(max(1, depth)) * (1 + consensusBound)) / (hasCopies ? 2 : 1))
    }

    /// The largest relative distance between an adapter and what neighbours read of it with which agreement is proved: the
    /// errors of D + 1 rounds add up to `(4D + 2) η`, for which half of the bound is left.
    package var errorBound: Double {
        max(Self.floor, consensusBound / (Double(8 * max(1, depth) + 4) * (1 + consensusBound)))
    }
}

/// Settling by agreement vectors: right for every rule that replaces adapters by convex combinations of adapters.
///
/// A neighbour that denies the agreement (entry 0 is "one or more, or unknown") in `SettlingLimits.patience` rounds one
/// after another, in all of which this peer measured agreement with all its neighbours, does not tell the truth: an
/// honest one has either heard all its neighbours by then or waits for the silent one no longer, and averaging has
/// brought them near. From then on its vector does not count, as if it were away, until it denies no more.
package struct AgreementSettling: SettlingRule {
    private let limits: SettlingLimits
    /// Settling rounds at the beginning in which nobody measures.
    private let unmeasured: Int
    private var agreement: AgreementVector
    /// How often in a row each neighbour has denied what was measured; none for those that did not.
    private var denials: [PeerID: Int] = [:]

    package init(_ limits: SettlingLimits, unmeasured: Int = 0) {
        self.limits = limits
        self.unmeasured = unmeasured
        agreement = AgreementVector(depth: limits.depth)
    }

    package var status: [UInt8] { agreement.entries }

    package func accepts(_ status: ArraySlice<UInt8>) -> Bool {
        AgreementVector(entries: status, depth: limits.depth) != nil
    }

    package mutating func advance(
        disagreement: Double?, heard: [(origin: PeerID, news: SettlingNews)]
    ) -> [PeerID] {
        let agrees = disagreement.map { $0 <= limits.edgeBound } ?? false
        var vectors: [AgreementVector?] = []
        var passedOver: [PeerID] = []
        for (origin, news) in heard {
            let vector: AgreementVector? =
                switch news {
                case .finished: .finished(depth: limits.depth)
                case .status(let entries): AgreementVector(entries: entries, depth: limits.depth)
                case .silence: nil
                }
            let denied = agrees && vector?.entries.first == 0 ? (denials[origin] ?? 0) + 1 : 0
            denials[origin] = denied > 0 ? min(denied, limits.patience + 1) : nil
            if denied == limits.patience { passedOver.append(origin) }
            if denied < limits.patience { vectors.append(vector) }
        }
        agreement = agreement.advanced(disagreement: disagreement, heard: vectors)
        return passedOver
    }

    /// What was measured anywhere has to come from the other end of the swarm.
    package var leastRounds: Int { unmeasured + limits.depth + 1 }

    package func verdict(after rounds: Int) -> SettlingVerdict {
        if agreement.isWithin(limits.edgeBound) { return .settled }
        return rounds >= limits.rounds ? .limitReached : .unsettled
    }

    package mutating func restart() {
        agreement = AgreementVector(depth: limits.depth)
        denials = [:]
    }
}
