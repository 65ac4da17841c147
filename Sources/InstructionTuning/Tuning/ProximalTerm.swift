/// FedProx's term (Li et al., "Federated optimization in heterogeneous networks", 2020, arXiv 1812.06127): local steps
/// lower the loss plus `½ μ ‖x − x₀‖²`, where x₀ is the adapter that the round's steps begin with.
///
/// The start of a round is the checkpoint that an interrupted round begins with again, so that nothing has to be kept for
/// it. docs/mathematics.md, "Drawn back to the start".
package struct ProximalTerm: Sendable {
    /// μ, above zero.
    private let weight: Float
    /// x₀, the whole adapter.
    private let start: [Float]

    /// Nil where nothing draws back: then no bit of a step is another one.
    package init?(weight: Double, start: [Float]) {
        guard weight > 0 else { return nil }
        self.weight = Float(weight)
        self.start = start
    }

    /// Adds `μ (x − x₀)`. Both have a value for each of the adapter's.
    package func add(to gradients: inout [Float], at adapter: [Float]) {
        precondition(gradients.count == start.count && adapter.count == start.count, "all are of one adapter")
        for index in gradients.indices { gradients[index] += weight * (adapter[index] - start[index]) }
    }
}
