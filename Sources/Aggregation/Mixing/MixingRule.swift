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

    /// What a peer that fell behind takes as its own, of the neighbours that are ahead; nil if it cannot take anything.
    mutating func adopt(_ heard: [HeardShare], in round: MixingRound) -> AdapterDelta?

    /// What the rule has to be given again when its process starts anew; empty where it keeps nothing.
    var state: [UInt8] { get }

    /// Takes over what `state` was.
    ///
    /// - Throws: `ExchangeStateError` where these are not its bytes.
    mutating func restore(_ state: [UInt8]) throws(ExchangeStateError)

    /// How all peers of `graph`, which hold `sampleCounts` records, mix when nobody is missing; nil where that is no
    /// matrix, or not the same one every round. Audits, checkers and the limit of settling rounds come from it.
    func matrix(of graph: SwarmGraph, sampleCounts: [Int]) -> MixingMatrix?

    /// How peers that mix by this rule find out that they agree.
    func settling(_ limits: SettlingLimits) -> any SettlingRule
}

/// What most rules have in common: one share for everyone, everyone waited for, nothing kept.
extension MixingRule {
    package var headerByteCount: Int { 0 }

    package func sources(in round: MixingRound) -> MixingAudience { .everyone }

    package mutating func outgoing(_ delta: AdapterDelta, in round: MixingRound) -> [OutgoingShare] {
        [OutgoingShare(audience: .everyone, delta: delta)]
    }

    package mutating func sent(_ share: OutgoingShare, in round: MixingRound) {}

    package mutating func adopt(_ heard: [HeardShare], in round: MixingRound) -> AdapterDelta? {
        WeightedMean.of(heard.map { (sampleCount: $0.weight, delta: $0.delta) })
    }

    package var state: [UInt8] { [] }

    package mutating func restore(_ state: [UInt8]) throws(ExchangeStateError) {
        guard state.isEmpty else { throw ExchangeStateError(description: "the mixing rule keeps no state") }
    }

    package func matrix(of graph: SwarmGraph, sampleCounts: [Int]) -> MixingMatrix? { nil }

    package func settling(_ limits: SettlingLimits) -> any SettlingRule { AgreementSettling(limits) }
}

/// The round that a rule is asked about, and who takes part in it.
package struct MixingRound: Sendable {
    /// The round, from zero; settling rounds follow those with training.
    package var number: Int
    /// Whether this peer's adapter is final: what it sends now is the last.
    package var isFinal: Bool
    /// What this peer counts: its number of records, or one where all count alike.
    package var weight: Int
    /// The neighbours.
    package var roster: Roster

    package init(number: Int, isFinal: Bool = false, weight: Int, roster: Roster) {
        self.number = number
        self.isFinal = isFinal
        self.weight = weight
        self.roster = roster
    }
}

/// Some of a peer's neighbours.
package enum MixingAudience: Sendable, Hashable {
    /// All of them, also those that come later.
    case everyone
    /// These and no others.
    case only(Set<PeerID>)

    /// Whether `peer` is one of them.
    package func includes(_ peer: PeerID) -> Bool {
        switch self {
        case .everyone: true
        case .only(let peers): peers.contains(peer)
        }
    }
}

/// What a peer sends in a round, before it is encoded.
package struct OutgoingShare: Sendable {
    /// Who gets it.
    package var audience: MixingAudience
    /// The values.
    package var delta: AdapterDelta
    /// What the rule says beside them: exactly `headerByteCount` bytes.
    package var header: [UInt8]

    package init(audience: MixingAudience, delta: AdapterDelta, header: [UInt8] = []) {
        self.audience = audience
        self.delta = delta
        self.header = header
    }
}

/// What a neighbour sent, decoded and let through the gate.
package struct HeardShare: Sendable {
    /// Whose it is.
    package var origin: PeerID
    /// The round that it belongs to.
    package var round: Int
    /// What its origin counts: its number of records, or one where all count alike.
    package var weight: Int
    /// The values.
    package var delta: AdapterDelta
    /// What the origin's rule says beside them.
    package var header: [UInt8]

    package init(origin: PeerID, round: Int, weight: Int, delta: AdapterDelta, header: [UInt8] = []) {
        self.origin = origin
        self.round = round
        self.weight = weight
        self.delta = delta
        self.header = header
    }
}

/// What a peer's part of a round of mixing gave.
package struct MixingOutcome: Sendable {
    /// The mixed adapter.
    package var delta: AdapterDelta
    /// The largest relative distance to a neighbour before mixing, `max_j ‖x_j − x_i‖ / ‖x_i‖`: infinite where the own
    /// adapter is zero and a neighbour's is not.
    package var disagreement: Double
    /// What was taken of each neighbour, in the order of the sum.
    package var weights: [(origin: PeerID, weight: Double)]
    /// What the peer kept of its own.
    package var keptWeight: Double

    package init(
        delta: AdapterDelta, disagreement: Double, weights: [(origin: PeerID, weight: Double)], keptWeight: Double
    ) {
        self.delta = delta
        self.disagreement = disagreement
        self.weights = weights
        self.keptWeight = keptWeight
    }
}

/// Why the exchange cannot go on from what was kept.
package struct ExchangeStateError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}
