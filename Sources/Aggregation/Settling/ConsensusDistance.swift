package import Adapters

/// How far peers are from agreement.
package enum ConsensusDistance {
    /// The largest relative distance of a delta from the plain mean: `max_i ‖x_i − x̄‖ / ‖x̄‖`; zero when all are equal,
    /// and the absolute distance where the mean is zero.
    package static func relative(_ deltas: [AdapterDelta]) -> Double {
        guard let first = deltas.first else { return 0 }
        var mean = [Double](repeating: 0, count: first.values.count)
        for delta in deltas {
            precondition(delta.schema == first.schema, "a consensus distance is between deltas of one schema")
            for (index, value) in delta.values.enumerated() { mean[index] += Double(value) }
        }
        let scale = 1 / Double(deltas.count)
        for index in mean.indices { mean[index] *= scale }
        let meanNorm = mean.reduce(0) { $0 + $1 * $1 }.squareRoot()
        let largest =
            deltas.map { delta in
                zip(delta.values, mean).reduce(0.0) { sum, pair in
                    let difference = Double(pair.0) - pair.1
                    return sum + difference * difference
                }.squareRoot()
            }.max() ?? 0
        return meanNorm > 0 ? largest / meanNorm : largest
    }
}
