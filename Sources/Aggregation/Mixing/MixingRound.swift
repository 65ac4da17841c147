package import Adapters
package import Basics
package import Overlay

/// The round that a rule is asked about, and who takes part in it.
package struct MixingRound: Sendable {
    /// The round, from zero; settling rounds follow those with training.
    package var number: Int
    /// Whether this peer's adapter is final: what it sends now is the last.
    package var isFinal: Bool
    /// Whether peers only mix, without local steps.
    package var isSettling: Bool
    /// How many settling rounds there were before this one.
    package var settlingNumber = 0
    /// What this peer counts: its number of records, or one where all count alike.
    package var weight: Int
    /// The neighbours.
    package var roster: Roster
    /// A number that grows with every start of the peer's process: it tells a state from one that was lost.
    package var incarnation: UInt64
    /// Who this peer is; nil where it does not matter.
    package var own: PeerID?
    /// Neighbours that are there as the round's contribution is made; nil where that is not known.
    package var present: Set<PeerID>?
    /// How long the peer's last local steps took; nil where none were measured yet.
    package var training: Duration?

    package init(
        number: Int, isFinal: Bool = false, isSettling: Bool = false, weight: Int, roster: Roster,
        incarnation: UInt64 = 1
    ) {
        self.number = number
        self.isFinal = isFinal
        self.isSettling = isSettling
        self.weight = weight
        self.roster = roster
        self.incarnation = incarnation
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

/// Changes a peer's adapter on its way out, before it is shared and encoded. The peer goes on with the adapter as it was.
package protocol OutgoingStage: Sendable {
    /// Changes what is sent in a round.
    mutating func apply(to delta: inout AdapterDelta, in round: MixingRound)
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
    /// The sum of gradients that the origin has tracked; nil where its round has none.
    package var tracked: AdapterDelta?

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
    /// The largest relative distance to a neighbour before mixing, `max_j ‖x_j − x_i‖ / ‖x_i‖`, as neighbours read the
    /// adapters: infinite where the own one is zero and a neighbour's is not.
    package var disagreement: Double
    /// The relative distance of the own adapter from what neighbours read of it, `‖q_i − x_i‖ / ‖q_i‖`.
    package var roundingError = 0.0
    /// What was taken of each neighbour, in the order of the sum.
    package var weights: [(origin: PeerID, weight: Double)]
    /// What the peer kept of its own.
    package var keptWeight: Double
    /// What neighbours read of the own adapter, which is what the average has of it; nil where that is the adapter itself.
    package var read: AdapterDelta?

    package init(
        delta: AdapterDelta, disagreement: Double, roundingError: Double = 0,
        weights: [(origin: PeerID, weight: Double)], keptWeight: Double, read: AdapterDelta? = nil
    ) {
        self.read = read
        self.delta = delta
        self.disagreement = disagreement
        self.roundingError = roundingError
        self.weights = weights
        self.keptWeight = keptWeight
    }
}

/// What one peer of a rule that moves mass holds, for who audits a swarm: over all peers, what they hold and what is on its
/// way changes by training alone.
package struct MassAccount: Sendable {
    /// Sums of all that went from one peer to another since they began for the last time, and how often they did.
    package struct Sums: Sendable {
        package var epoch: UInt32 = 0
        package var weight = 0.0
        package var numerator: [Double] = []

        package init(epoch: UInt32 = 0, weight: Double = 0, numerator: [Double] = []) {
            self.epoch = epoch
            self.weight = weight
            self.numerator = numerator
        }
    }

    /// What there was between the peer and one neighbour.
    package struct Edge: Sendable {
        /// The neighbour's state, as far as the peer knows it; zero before it does.
        package var mark: UInt64 = 0
        package var given = Sums()
        package var taken = Sums()
    }

    /// What tells this state from one that the peer lost.
    package var mark: UInt64
    package var weight: Double
    package var numerator: [Double]
    package var edges: [PeerID: Edge]

    /// The mass of a swarm, and the largest number that the sum of a value goes through.
    package struct Total: Sendable {
        package var weight = 0.0
        package var numerator: [Double] = []
        package var scale = 0.0

        fileprivate mutating func add(_ weight: Double, _ values: [Double], _ sign: Double) {
            self.weight += sign * weight
            if numerator.isEmpty { numerator = Array(repeating: 0, count: values.count) }
            for (index, value) in values.enumerated() {
                numerator[index] += sign * value
                scale = max(scale, abs(value))
            }
        }
    }

    /// What the peers `ids` hold and what is on its way between them; nil is one that holds nothing.
    package static func total(_ accounts: [MassAccount?], of ids: [PeerID]) -> Total {
        var total = Total()
        for (from, giver) in accounts.enumerated() {
            guard let giver else { continue }
            total.add(giver.weight, giver.numerator, 1)
            for (to, taker) in accounts.enumerated() {
                let theirs = taker?.edges[ids[from]]
                // A giver that went on from an older state may know nothing of what a taker has.
                guard let edge = giver.edges[ids[to]] ?? theirs.map({ _ in Edge() }) else { continue }
                // What was given to a state that is lost is lost with it.
                let isMeant = edge.mark == 0 || edge.mark == taker?.mark
                let taken = theirs.flatMap { $0.mark == giver.mark ? $0.taken : nil }
                // Sums begin anew when all has been taken.
                if isMeant, taken.map({ $0.epoch <= edge.given.epoch }) ?? true {
                    total.add(edge.given.weight, edge.given.numerator, 1)
                }
                if let taken, taken.epoch >= edge.given.epoch { total.add(taken.weight, taken.numerator, -1) }
            }
        }
        return total
    }
}

/// Why the exchange cannot go on from what was kept.
package struct ExchangeStateError: Error, Sendable, Hashable, CustomStringConvertible {
    package let description: String

    package init(description: String) { self.description = description }
}
