package import Adapters

/// The average that FedAvg's server makes, and that a peer far behind its neighbours adopts from them.
package enum WeightedMean {
    /// `Σ n_j x_j / Σ n_j` over `contributions`, in their order, in double precision; nil without any. Counts below one
    /// count as one.
    package static func of(_ contributions: [(sampleCount: Int, delta: AdapterDelta)]) -> AdapterDelta? {
        guard !contributions.isEmpty else { return nil }
        return .weightedMean(contributions.map { (Double(max(1, $0.sampleCount)), $0.delta) })
    }
}
