package import Adapters
package import Basics
package import Overlay

/// How peers average: what each sends in a round, whom it waits for, and what it makes of what it heard.
///
/// A value with the state of one peer. In every round the pipeline calls `outgoing`, then `sent` for each share once its
/// payload exists, and when the peer waits no longer `mix`. Rules of four kinds fit:
///
/// - Who mixes everybody's adapter with fixed weights (Metropolis–Hastings) sends one share to everyone and keeps nothing.
/// - Who averages with one neighbour a round (pairwise, one-peer exponential) names it in the share and in `sources`.
/// - Who gives mass away (push-sum) sends each neighbour the sum of all that it was ever given, with the weight in the
///   share's header, and deducts in `sent` what the neighbour will read; sums and what was heard of others' are its `state`.
/// - Who sends to a few at random (epidemic) waits for nobody: `sources` is `.only([])`.
package protocol MixingRule: Sendable {
    /// How many bytes of its own the rule puts before the values of each contribution.
    var headerByteCount: Int { get }

    /// Whether the rule keeps the mean where neighbours read something else than the adapter itself, so that rounding, and
    /// what is held back for later rounds, does no harm.
    var keepsMeanOfCopies: Bool { get }

    /// The peer at `place` of `graph` is the one whose state this is. For rules that say by the whole graph who exchanges
    /// with whom; called once, before the first round.
    mutating func join(_ graph: SwarmGraph, as place: Int)

    /// For how many rounds in a row a peer of `graph` may have nobody to wait for, and so come ahead of its neighbours: these
    /// must not take themselves for left behind.
    func longestPause(in graph: SwarmGraph) -> Int

    /// Whether one share goes to all neighbours in every round.
    var sharesWithEveryone: Bool { get }

    /// Whether peers average slices of contributions and give each other the means, where nobody is missing.
    var reduces: Bool { get }

    /// The peer's adapter after a round whose average came in slices: `mean` of all peers' contributions, of which the
    /// others' count `weights`. Only asked of rules that reduce.
    mutating func take(
        average mean: AdapterDelta, by own: AdapterDelta, of weights: [(origin: PeerID, weight: Int)],
        in round: MixingRound
    ) -> MixingOutcome

    /// Whose contributions the peer waits for in this round. What others sent is handed to `mix` all the same.
    func sources(in round: MixingRound) -> MixingAudience

    /// What the peer sends in this round, in the order in which it is published. `delta` is the adapter after the local
    /// steps, whatever came of it since the last mixing.
    mutating func outgoing(_ delta: AdapterDelta, in round: MixingRound) -> [OutgoingShare]

    /// The share is published; its `delta` is now what the receivers will read, which an encoding may have rounded.
    mutating func sent(_ share: OutgoingShare, in round: MixingRound)

    /// The peer's adapter after this round. `heard` has at most one contribution of each neighbour, ascending by origin:
    /// the round's, or the nearest that is not too stale, which may be one that was mixed before.
    mutating func mix(_ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound) -> MixingOutcome

    /// Whether a contribution that calls itself final holds the adapter that its origin ends with, so that others may go
    /// towards it.
    func isFinalAdapter(_ share: HeardShare) -> Bool

    /// What a peer that fell behind takes as its own, of the neighbours that are ahead; nil if it cannot take anything.
    mutating func adopt(_ heard: [HeardShare], in round: MixingRound) -> AdapterDelta?

    /// What the rule has to be given again when its process starts anew; empty where it keeps nothing.
    var state: [UInt8] { get }

    /// Takes over what `state` was.
    ///
    /// - Throws: `ExchangeStateError` where these are not its bytes.
    mutating func restore(_ state: [UInt8]) throws(ExchangeStateError)

    /// Whether the rule gives mass away and takes it, so that what a peer takes of a neighbour depends on more than this
    /// round's contributions.
    var movesMass: Bool { get }

    /// The mass that the peer holds, and what it gave and took of each neighbour: for who audits a swarm. Nil where the
    /// rule moves no mass, or has none yet.
    var mass: MassAccount? { get }

    /// How all peers of `graph`, which hold `sampleCounts` records, mix when nobody is missing; nil where that is no
    /// matrix, or not the same one every round. Audits, checkers and the limit of settling rounds come from it.
    func matrix(of graph: SwarmGraph, sampleCounts: [Int]) -> MixingMatrix?

    /// How all peers mix in rounds with training where that is not `matrix`: the round's number, modulo their count, says
    /// which of these holds. Empty where `matrix` holds in all rounds.
    func matrices(of graph: SwarmGraph, sampleCounts: [Int]) -> [MixingMatrix]

    /// How many contributions each peer of `graph` sends in a round with training, on average, or in the settling round that
    /// so many others precede.
    func shares(in graph: SwarmGraph, settlingNumber: Int?) -> [Double]

    /// About how many settling rounds of `graph` bring peers nearer to each other by the factor `bound`; nil where nobody can
    /// say.
    func settlingRounds(to bound: Double, in graph: SwarmGraph) -> Int?

    /// How peers that mix by this rule find out that they agree.
    func settling(_ limits: SettlingLimits) -> any SettlingRule
}

/// What most rules have in common: one share for everyone, everyone waited for, nothing kept.
extension MixingRule {
    package var headerByteCount: Int { 0 }

    package var keepsMeanOfCopies: Bool { false }

    package mutating func join(_ graph: SwarmGraph, as place: Int) {}

    package func longestPause(in graph: SwarmGraph) -> Int { 0 }

    package var sharesWithEveryone: Bool { true }

    package var reduces: Bool { false }

    package mutating func take(
        average mean: AdapterDelta, by own: AdapterDelta, of weights: [(origin: PeerID, weight: Int)],
        in round: MixingRound
    ) -> MixingOutcome {
        preconditionFailure("the rule does not reduce")
    }

    package func sources(in round: MixingRound) -> MixingAudience { .everyone }

    package mutating func outgoing(_ delta: AdapterDelta, in round: MixingRound) -> [OutgoingShare] {
        [OutgoingShare(audience: .everyone, delta: delta)]
    }

    package mutating func sent(_ share: OutgoingShare, in round: MixingRound) {}

    package func isFinalAdapter(_ share: HeardShare) -> Bool { true }

    package mutating func adopt(_ heard: [HeardShare], in round: MixingRound) -> AdapterDelta? {
        WeightedMean.of(heard.map { (sampleCount: $0.weight, delta: $0.delta) })
    }

    package var state: [UInt8] { [] }

    package mutating func restore(_ state: [UInt8]) throws(ExchangeStateError) {
        guard state.isEmpty else { throw ExchangeStateError(description: "the mixing rule keeps no state") }
    }

    package var movesMass: Bool { false }

    package var mass: MassAccount? { nil }

    package func matrix(of graph: SwarmGraph, sampleCounts: [Int]) -> MixingMatrix? { nil }

    package func matrices(of graph: SwarmGraph, sampleCounts: [Int]) -> [MixingMatrix] { [] }

    package func shares(in graph: SwarmGraph, settlingNumber: Int?) -> [Double] {
        graph.neighbours.map { Double($0.count) }
    }

    package func settlingRounds(to bound: Double, in graph: SwarmGraph) -> Int? {
        matrix(of: graph, sampleCounts: graph.neighbours.map { _ in 1 })?.rounds(to: bound)
    }

    package func settling(_ limits: SettlingLimits) -> any SettlingRule { AgreementSettling(limits) }
}

/// The average that FedAvg's server makes, and that a peer far behind its neighbours adopts from them.
package enum WeightedMean {
    /// `Σ n_j x_j / Σ n_j` over `contributions`, in their order, in double precision; nil without any. Counts below one
    /// count as one.
    package static func of(_ contributions: [(sampleCount: Int, delta: AdapterDelta)]) -> AdapterDelta? {
        guard !contributions.isEmpty else { return nil }
        return .weightedMean(contributions.map { (Double(max(1, $0.sampleCount)), $0.delta) })
    }
}
