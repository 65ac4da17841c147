package import Adapters
import Basics
package import Overlay

/// Gossip averaging with Metropolis–Hastings weights.
///
/// Peer i takes `w_ij = min(1 / (d_i + 1), (n_j / n_i) / (d_j + 1))` of its neighbour j, where d are degrees and n sample
/// counts, and keeps the rest (Hastings, 1970, with the proposal `1 / (degree + 1)` for every neighbour and for the peer
/// itself, and the target distribution `π ∝ n`). `n_i w_ij = n_j w_ji`: what i gains of the sample-weighted sum by j's
/// pull, j loses by i's, so that the sample-weighted mean `Σ n_i x_i / Σ n_i` stays when both pull, and it is where a
/// connected swarm ends. With equal counts the matrix is the symmetric, doubly stochastic one of Xiao and Boyd (2004).
///
/// The weight of a neighbour that is missing stays with i; that keeps every adapter a convex combination of adapters, and
/// the mean too as long as both sides miss each other. `docs/mathematics.md`, "Gossip averaging".
///
/// Where an encoding rounds, neighbours read `q_i` for `x_i`. Then i takes `x_i + Σ w_ij (q_j − q_i)`: what it gains of j's
/// copy, j loses of i's, so that the mean stays what it was whatever the rounding (Koloskova, Stich and Jaggi, 2019).
package struct MetropolisMixing: MixingRule {
    /// What neighbours read of this peer in a round; nil where that is the adapter itself.
    private var told: (round: Int, delta: AdapterDelta)?

    package init() {}

    package var keepsMeanOfCopies: Bool { true }

    package mutating func sent(_ share: OutgoingShare, in round: MixingRound) {
        told = (round.number, share.delta)
    }

    /// What a peer that counts `count` and has `degree` neighbours takes of one with `otherCount` and `otherDegree`. Counts
    /// below one count as one.
    package static func weight(count: Int, degree: Int, otherCount: Int, otherDegree: Int) -> Double {
        let ratio = Double(max(1, otherCount)) / Double(max(1, count))
        return min(1 / Double(degree + 1), ratio / Double(otherDegree + 1))
    }

    /// Sums are in double precision, in the order of the neighbours' identities, so that it does not matter who came first.
    package mutating func mix(
        _ own: AdapterDelta, with heard: [HeardShare], in round: MixingRound
    ) -> MixingOutcome {
        var weights: [(origin: PeerID, weight: Double)] = []
        var terms: [[Float]] = []
        for share in heard.sorted(by: { $0.origin < $1.origin }) {
            // Who is no neighbour any more is not mixed: the weights of a row would sum to more than one.
            guard let member = round.roster[share.origin] else { continue }
            precondition(share.delta.schema == own.schema, "only adapters of one schema are mixed")
            let weight = Self.weight(
                count: round.weight, degree: round.roster.degree, otherCount: share.weight, otherDegree: member.degree)
            weights.append((share.origin, weight))
            terms.append(share.delta.values)
        }
        let kept = 1 - weights.reduce(0) { $0 + $1.weight }
        let copy = told.flatMap { $0.round == round.number && $0.delta != own ? $0.delta : nil }
        let read = copy ?? own
        var sums = read.values.map { kept * Double($0) }
        var disagreement = 0.0
        let scale = read.norm
        for (values, taken) in zip(terms, weights) {
            let distance = Self.add(values, times: taken.weight, to: &sums, against: read.values)
            disagreement = max(disagreement, Self.relative(distance, to: scale))
        }
        if let copy {
            // What neighbours did not read stays here.
            for index in sums.indices { sums[index] += Double(own.values[index]) - Double(copy.values[index]) }
        }
        return MixingOutcome(
            delta: AdapterDelta(schema: own.schema, values: sums.map { Float($0) }), disagreement: disagreement,
            roundingError: copy.map { Self.relative($0.distance(to: own), to: scale) } ?? 0, weights: weights,
            keptWeight: kept)
    }

    private static func relative(_ distance: Double, to scale: Double) -> Double {
        scale > 0 ? distance / scale : (distance > 0 ? .infinity : 0)
    }

    /// Adds `weight · values` to `sums` and returns the distance between `values` and `own`: one pass for both.
    private static func add(
        _ values: [Float], times weight: Double, to sums: inout [Double], against own: [Float]
    ) -> Double {
        var square = 0.0
        for index in values.indices {
            let value = Double(values[index])
            sums[index] += weight * value
            let difference = value - Double(own[index])
            square += difference * difference
        }
        return square.squareRoot()
    }

    package func matrix(of graph: SwarmGraph, sampleCounts: [Int]) -> MixingMatrix? {
        MixingMatrix(graph: graph, stationary: sampleCounts.map { Double(max(1, $0)) }) { peer, other in
            Self.weight(
                count: sampleCounts[peer], degree: graph.degree(of: peer), otherCount: sampleCounts[other],
                otherDegree: graph.degree(of: other))
        }
    }
}
