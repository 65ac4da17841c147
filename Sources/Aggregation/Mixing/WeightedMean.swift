package import Adapters

/// The average that FedAvg's server makes, and that a peer far behind its neighbours adopts from them.
package enum WeightedMean {
    /// `Σ n_j x_j / Σ n_j` over `contributions`, in their order, in double precision; nil without any. Counts below one
    /// count as one.
    package static func of(_ contributions: [(sampleCount: Int, delta: AdapterDelta)]) -> AdapterDelta? {
        guard let first = contributions.first else { return nil }
        let total = contributions.reduce(0.0) { $0 + Double(max(1, $1.sampleCount)) }
        var sums = [Double](repeating: 0, count: first.delta.values.count)
        for (sampleCount, delta) in contributions {
            precondition(delta.schema == first.delta.schema, "only adapters of one schema are averaged")
            let weight = Double(max(1, sampleCount)) / total
            for index in sums.indices { sums[index] += weight * Double(delta.values[index]) }
        }
        return AdapterDelta(schema: first.delta.schema, values: sums.map { Float($0) })
    }
}
