package import Adapters

/// One peer's part of a round of gossip averaging with Metropolis–Hastings weights.
///
/// Peer i takes `w_ij = min(1 / (d_i + 1), (n_j / n_i) / (d_j + 1))` of its neighbour j, where d are degrees and n sample
/// counts, and keeps the rest. `n_i w_ij = n_j w_ji`: what i gains of the sample-weighted sum by j's pull, j loses by
/// i's, so that the sample-weighted mean stays when both pull. The weight of a neighbour that is missing stays with i;
/// that keeps every adapter a convex combination of adapters, and the mean too as long as both sides miss each other.
/// `docs/mathematics.md`, "Gossip averaging".
package enum MetropolisMixing {
    /// What a peer with `sampleCount` records and `degree` neighbours takes of one with `otherSampleCount` and
    /// `otherDegree`. Counts below one count as one.
    package static func weight(
        sampleCount: Int, degree: Int, otherSampleCount: Int, otherDegree: Int
    ) -> Double {
        let ratio = Double(max(1, otherSampleCount)) / Double(max(1, sampleCount))
        return min(1 / Double(degree + 1), ratio / Double(otherDegree + 1))
    }

    /// Mixes `own`, of a peer with `sampleCount` records and `degree` neighbours, with the `partners` that are present:
    /// `degree` of them at most, of the same schema.
    ///
    /// Sums are in double precision, in the order of the partners' identities.
    package static func mix(
        own: AdapterDelta, sampleCount: Int, degree: Int, partners: [MixingPartner]
    ) -> MixingOutcome {
        precondition(partners.count <= degree, "a peer mixes with its neighbours only")
        let ordered = partners.sorted { $0.identity.lexicographicallyPrecedes($1.identity) }
        let weights = ordered.map {
            weight(
                sampleCount: sampleCount, degree: degree, otherSampleCount: $0.sampleCount, otherDegree: $0.degree)
        }
        let kept = 1 - weights.reduce(0, +)
        var sums = own.values.map { kept * Double($0) }
        var disagreement = 0.0
        let scale = own.norm
        for (partner, weight) in zip(ordered, weights) {
            precondition(partner.delta.schema == own.schema, "only adapters of one schema are mixed")
            let distance = accumulate(partner.delta.values, times: weight, into: &sums, against: own.values)
            disagreement = max(disagreement, scale > 0 ? distance / scale : (distance > 0 ? .infinity : 0))
        }
        return MixingOutcome(
            delta: AdapterDelta(schema: own.schema, values: sums.map { Float($0) }), disagreement: disagreement,
            weights: zip(ordered, weights).map { (identity: $0.identity, weight: $1) }, keptWeight: kept)
    }

    /// Adds `weight · values` to `sums` and returns the distance between `values` and `own`.
    private static func accumulate(
        _ values: [Float], times weight: Double, into sums: inout [Double], against own: [Float]
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
}

/// What a peer's part of a round of mixing gave.
package struct MixingOutcome: Sendable {
    /// The mixed adapter.
    package var delta: AdapterDelta
    /// The largest relative distance to a partner before mixing, `max_j ‖x_j − x_i‖ / ‖x_i‖`: infinite where the own
    /// adapter is zero and a partner's is not.
    package var disagreement: Double
    /// What was taken of each partner, in the order of the sum.
    package var weights: [(identity: [UInt8], weight: Double)]
    /// What the peer kept of its own.
    package var keptWeight: Double
}
