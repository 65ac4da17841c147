import Adapters
import Basics

/// Momentum over rounds (`exchange.outer: momentum`): DiLoCo's outer optimiser without a server, for one adapter's bytes.
///
/// With x the adapter that the local steps of a round begin with and y where they lead, a peer publishes z and goes on with
/// what mixing makes of it (W) and a part of its own last move:
///
///     z(t) = x(t) + η (y(t) − x(t))
///     x(t + 1) = W z(t) + γ (z(t) − z(t − 1)),        z(−1) = x(0)
///
/// (GASLoC, arXiv 2606.11081.) W keeps the mean, so the mean of all peers follows the same recursion with W = 1: Nesterov's
/// momentum on what all have learnt, as DiLoCo's server has it (Douillard et al., arXiv 2311.08105).
/// `docs/mathematics.md`, "Outer momentum".
package struct OuterMomentum: Sendable, Hashable {
    /// γ: what is left of a move one round later; from zero to below one.
    package var momentum = 0.5
    /// η: what is taken of the local steps; above zero.
    package var rate = 1.0

    package init() {}
}

/// The outer momentum of one peer, with what it keeps from round to round.
struct OuterStep: Sendable {
    private let settings: OuterMomentum
    /// z of the round before; nil where nothing is known of it, and in settling, which has no momentum.
    private var last: AdapterDelta?

    init(_ settings: OuterMomentum) { self.settings = settings }

    /// z: what a round publishes that began with `start` and whose local steps led to `end`.
    func taken(from start: AdapterDelta, to end: AdapterDelta) -> AdapterDelta {
        // Whoever takes the whole step keeps its bits.
        guard settings.rate != 1 else { return end }
        var taken = end
        for index in taken.values.indices {
            let begin = Double(start.values[index])
            taken[index] = Float(begin + settings.rate * (Double(end.values[index]) - begin))
        }
        return taken
    }

    /// x of the next round: what mixing made of the own z, and a part of the way that z went since the round before.
    ///
    /// - Parameters:
    ///   - mixed: `W z`.
    ///   - own: z. Both are the part of the adapter that is exchanged.
    mutating func carried(_ mixed: AdapterDelta, from own: AdapterDelta, in round: MixingRound) -> AdapterDelta {
        guard !round.isSettling else {
            last = nil
            return mixed
        }
        // Before the first round everybody had the seed adapter.
        let before = last ?? (round.number == 0 ? AdapterDelta(zeroOf: own.schema) : own)
        last = own
        guard before.schema == own.schema else { return mixed }
        var carried = mixed
        for index in carried.values.indices {
            let move = Double(own.values[index]) - Double(before.values[index])
            carried[index] = Float(Double(mixed.values[index]) + settings.momentum * move)
        }
        // Nothing that could not be written down is gone on with.
        return carried.isFinite ? carried : mixed
    }

    /// Forgets the last move: the peer has taken over what others have, and that way was not its own.
    mutating func restart() { last = nil }

    /// z of the last round (4 bytes a value, least significant first); empty where there is none.
    var state: [UInt8] {
        guard let last else { return [] }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * last.values.count)
        bytes.append(floats: last.values[...])
        return bytes
    }

    /// Takes over what `state` was, of an adapter of `schema`; false for anything else.
    mutating func restore(_ state: [UInt8], as schema: AdapterSchema) -> Bool {
        guard !state.isEmpty else {
            last = nil
            return true
        }
        var reader = ByteReader(state)
        guard let values = reader.floats(count: schema.count), reader.isAtEnd, values.allSatisfy(\.isFinite) else {
            return false
        }
        last = AdapterDelta(schema: schema, values: values)
        return true
    }
}

extension OuterMomentum {
    /// What the momentum does not go with, in words that follow "outer does not go with"; nil where it goes with all of
    /// these. `docs/decisions/0050-….md` says why.
    package static func obstacle(
        mixing: ExchangePolicy.Mixing, factors: ExchangePolicy.Factors, compression: ExchangePolicy.Compression,
        overlaps: Bool
    ) -> String? {
        switch mixing {
        case .metropolis: break
        case .pushSum, .onePeerExponential, .onePeerBaseTwo:
            return "mixing: \(mixing.rawValue), where a peer's weight changes and its own last move with it"
        case .allReduce: return "mixing: all-reduce, with which it gained nothing"
        case .pairwise:
            return "mixing: pairwise, under which differences between peers may grow; metropolis has none that do"
        }
        switch factors {
        case .both, .freezeA: break
        case .product, .productResidual:
            return "factors: \(factors.rawValue), which turns the factors' frame in every round"
        case .alternate: return "factors: alternate, under which two rounds in a row do not hold the same values"
        case .shareA: return "factors: share-a, where a part of the adapter is never mixed"
        }
        if compression == .topK { return "compression: top-k, whose copies stay behind what moves so fast" }
        return overlaps ? "overlap: local steps would begin before the last move is known" : nil
    }
}
