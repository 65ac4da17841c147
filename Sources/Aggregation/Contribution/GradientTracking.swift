import Adapters
import Basics
import Overlay

/// What a peer that tracks gradients has of an edge.
package struct TrackedEdge: Sendable {
    /// The newest round of which it knows the sums of both ends.
    package var round: Int
    /// What the neighbour counts.
    package var weight: Int
    /// How much larger the neighbour's sum was than the own one.
    package var difference: [Float]
}

/// Gradient tracking (`exchange.tracking: true`): local steps follow the mean gradient of the swarm, not that of the own
/// records.
///
/// A peer keeps a tracker c, which goes to the mean of what all peers' gradients were lately. With ḡ(t) the mean gradient of
/// its local steps in round t, as the loss has it, and W the mixing matrix,
///
///     c(t + 1) = W (c(t) + ḡ(t) − ḡ(t − 1)),        each step of round t + 1 takes g − ḡ(t) + c(t + 1) for its gradient
///
/// before clipping and before the optimiser (Di Lorenzo and Scutari, arXiv 1602.00591; Nedić, Olshevsky and Shi, arXiv
/// 1607.03218; with local steps Nguyen et al., arXiv 2301.01313; before Adam arXiv 2604.23980).
///
/// Summed up over rounds like this, a lost contribution would move the mean of all trackers for good. So what travels is
/// the sum S of all that was tracked, and a tracker is made anew in each round from sums that both ends of an edge know:
///
///     S_i(t) = S_i(t − 1) + ḡ_i(t) + z_i(t),        z_i(t + 1) = Σ_j w_ij (S_j(τ) − S_i(τ)),        c_i = ḡ_i + z_i
///
/// τ is the newest round of which i has heard j. Where nothing is missing this is the recursion above. Whatever the sums are,
/// what the two ends of an edge make of one round is opposite: with n_i w_ij = n_j w_ji the weighted sum of all z is zero,
/// and the weighted mean of all trackers that of the gradients. A round that one end missed is made good with the next one
/// that both have. `docs/mathematics.md`, "Gradient tracking".
struct TrackingStep: Sendable {
    /// So many rounds after the last one that was heard of a neighbour nothing of it counts any more. Both ends of an edge
    /// that is gone forget it then, so that nothing of one that never comes back is left.
    static let patience = 4
    /// Corrections are no longer than so many of the longest mean gradients that were measured here: an honest swarm's come
    /// nowhere near it, and one that lies cannot make the optimiser useless.
    static let longest = 100.0

    private let schema: AdapterSchema
    /// The mean gradient of the last local steps; zero before the first.
    private var gradient: [Float]
    /// S.
    private var sum: [Float]
    /// What neighbours read of it in the last rounds, ascending.
    private var told: [(round: Int, values: [Float])] = []
    private(set) var edges: [PeerID: TrackedEdge] = [:]
    /// The norm of the longest mean gradient.
    private var largestGradient = 0.0
    /// Whether the sum was taken over from others: it holds this round already.
    private var isTakenOver = false

    /// - Parameter schema: of what is exchanged.
    init(_ schema: AdapterSchema) {
        self.schema = schema
        gradient = Array(repeating: 0, count: schema.count)
        sum = gradient
    }

    /// z: what is added to the gradients of a round's steps.
    func correction(in round: MixingRound) -> AdapterDelta {
        var sums = [Double](repeating: 0, count: schema.count)
        // In the order of identities, as all sums of mixing.
        for (peer, edge) in edges.sorted(by: { $0.key < $1.key }) {
            guard let member = round.roster[peer], round.number - edge.round <= Self.patience else { continue }
            let weight = MetropolisMixing.weight(
                count: round.weight, degree: round.roster.degree, otherCount: edge.weight, otherDegree: member.degree)
            for index in sums.indices { sums[index] += weight * Double(edge.difference[index]) }
        }
        let limit = Self.longest * largestGradient
        let norm = sums.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let scale = largestGradient > 0 && norm > limit ? limit / norm : 1
        return AdapterDelta(schema: schema, values: sums.map { Float(scale * $0) })
    }

    /// Takes the mean gradient of the round's local steps.
    mutating func learned(_ gradient: AdapterDelta) {
        precondition(gradient.schema == schema, "gradients are of what is exchanged")
        self.gradient = gradient.values
        largestGradient = max(largestGradient, gradient.norm)
    }

    /// S of a round, with what was tracked in it: once a round.
    mutating func summed(in round: MixingRound) -> AdapterDelta {
        guard !isTakenOver else {
            isTakenOver = false
            return AdapterDelta(schema: schema, values: sum)
        }
        let correction = correction(in: round).values
        let before = sum
        for index in sum.indices { sum[index] += gradient[index] + correction[index] }
        // Nothing that could not be written down is gone on with.
        if !sum.allSatisfy(\.isFinite) { sum = before }
        return AdapterDelta(schema: schema, values: sum)
    }

    /// Neighbours read this of the sum of a round.
    mutating func told(_ read: AdapterDelta, in round: MixingRound) {
        told.removeAll { $0.round >= round.number || round.number - $0.round >= Self.patience }
        told.append((round.number, read.values))
    }

    /// Takes what neighbours told of rounds in which this peer has told of itself too.
    mutating func hears(_ shares: [HeardShare], in round: MixingRound) {
        edges = edges.filter { round.roster[$0.key] != nil && round.number - $0.value.round < Self.patience }
        for share in shares {
            guard round.roster[share.origin] != nil, let theirs = share.tracked, theirs.schema == schema,
                let own = told.last(where: { $0.round == share.round }),
                edges[share.origin].map({ $0.round <= share.round }) ?? true
            else { continue }
            edges[share.origin] = TrackedEdge(
                round: share.round, weight: share.weight,
                difference: zip(theirs.values, own.values).map { $0 - $1 })
        }
    }

    /// The peer joins a round with the mean of others: so it does with their sums. Of its own ones the rounds that it missed
    /// are missing.
    mutating func adopt(_ shares: [HeardShare]) {
        edges = [:]
        told = []
        var sums: [(sampleCount: Int, delta: AdapterDelta)] = []
        for share in shares {
            if let tracked = share.tracked, tracked.schema == schema { sums.append((share.weight, tracked)) }
        }
        guard let mean = WeightedMean.of(sums), mean.isFinite else { return }
        sum = mean.values
        isTakenOver = true
    }

    /// There are no more local steps: nothing is kept.
    mutating func end() { (gradient, sum, told, edges) = ([], [], [], [:]) }

    /// A neighbour takes part no more.
    mutating func forget(_ peer: PeerID) { edges[peer] = nil }
}

// MARK: - State

extension TrackingStep {
    /// Empty after the last local steps. The longest gradient's norm (8 bytes), the last mean gradient and S (4 a value, as all values here), the number of
    /// rounds told (1) and for each its number (8) and values, the number of edges (4) and for each the neighbour (32), the
    /// round (8), what it counts (8) and the difference.
    ///
    /// Of what was told the last round is enough: who goes on from here begins with the next one.
    var state: [UInt8] {
        guard !sum.isEmpty else { return [] }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(4 * schema.count * (3 + edges.count) + 64 * (1 + edges.count))
        bytes.append(integer: largestGradient.bitPattern)
        bytes.append(floats: gradient[...])
        bytes.append(floats: sum[...])
        bytes.append(UInt8(min(1, told.count)))
        if let last = told.last {
            bytes.append(integer: UInt64(last.round))
            bytes.append(floats: last.values[...])
        }
        bytes.append(integer: UInt32(edges.count))
        for (peer, edge) in edges.sorted(by: { $0.key < $1.key }) {
            bytes += peer.bytes
            bytes.append(integer: UInt64(edge.round))
            bytes.append(integer: UInt64(edge.weight))
            bytes.append(floats: edge.difference[...])
        }
        return bytes
    }

    /// Takes over what `state` was; false for anything else, and nothing is changed then.
    mutating func restore(_ state: [UInt8]) -> Bool {
        var reader = ByteReader(state)
        func values() -> [Float]? {
            reader.floats(count: schema.count).flatMap { $0.allSatisfy(\.isFinite) ? $0 : nil }
        }
        var restored = TrackingStep(schema)
        guard let largest = reader.integer(UInt64.self), let gradient = values(), let sum = values(),
            let tellings = reader.byte(), tellings <= 1
        else { return false }
        restored.largestGradient = Double(bitPattern: largest)
        (restored.gradient, restored.sum) = (gradient, sum)
        guard restored.largestGradient.isFinite, restored.largestGradient >= 0 else { return false }
        if tellings == 1 {
            guard let round = reader.integer(UInt64.self), let values = values() else { return false }
            restored.told = [(Int(clamping: round), values)]
        }
        guard let count = reader.integer(UInt32.self) else { return false }
        for _ in 0..<count {
            guard let peer = reader.bytes(count: PeerID.byteCount).flatMap({ PeerID(bytes: $0) }),
                let round = reader.integer(UInt64.self), let weight = reader.integer(UInt64.self),
                let difference = values()
            else { return false }
            restored.edges[peer] = TrackedEdge(
                round: Int(clamping: round), weight: Int(clamping: weight), difference: difference)
        }
        guard reader.isAtEnd else { return false }
        self = restored
        return true
    }
}

extension ClosedRange<Int> {
    /// For two of what this is the length of.
    var doubled: ClosedRange<Int> { 2 * lowerBound...2 * upperBound }
}

// MARK: - What it goes with

package enum GradientTracking {
    /// What tracking does not go with, in words that follow "tracking does not go with"; nil where it goes with all of these.
    /// `docs/decisions/0060-….md` says why.
    package static func obstacle(
        mixing: ExchangePolicy.Mixing, factors: ExchangePolicy.Factors, compression: ExchangePolicy.Compression,
        hasOuter: Bool, hasBudget: Bool, overlaps: Bool
    ) -> String? {
        switch mixing {
        case .metropolis: break
        case .pushSum, .onePeerExponential, .onePeerBaseTwo:
            return "mixing: \(mixing.rawValue), where the two ends of an edge do not take the same part of each other"
        case .allReduce: return "mixing: all-reduce, under which no edge exchanges whole contributions"
        case .pairwise:
            return "mixing: pairwise, where an edge has a round now and then only: metropolis has one in every round"
        }
        switch factors {
        case .both, .freezeA: break
        case .product, .productResidual:
            return "factors: \(factors.rawValue), which turns the factors' frame in every round"
        case .alternate: return "factors: alternate, under which two rounds in a row do not hold the same values"
        case .shareA: return "factors: share-a, where a part of the adapter is never mixed"
        }
        switch compression {
        case .none, .bf16: break
        case .int8, .int4, .differences, .topK:
            return "compression: \(compression.rawValue), which is too coarse for sums over rounds; give bf16 or none"
        }
        if hasBudget { return "budget and uplink, whose levels are too coarse for sums over rounds" }
        if hasOuter { return "outer: a move that is repeated is no gradient step" }
        return overlaps ? "overlap: local steps would begin before their correction is known" : nil
    }
}
