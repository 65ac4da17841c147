/// How much of each peer's adapter every peer takes in a round of gossip averaging when nobody is missing: a
/// row-stochastic matrix over the peers of a graph.
///
/// Metropolis–Hastings weights with the target distribution `π ∝ sampleCounts` (Hastings, 1970, with the proposal
/// `1 / (degree + 1)` for every neighbour and for the peer itself):
/// `w_ij = min(1 / (d_i + 1), (n_j / n_i) / (d_j + 1))` for neighbours i and j, and the rest of the row stays with i.
/// `n_i w_ij = n_j w_ji`, so the sample-weighted mean `Σ n_i x_i / Σ n_i` does not change, and it is where a connected
/// swarm ends. With equal sample counts the matrix is the symmetric, doubly stochastic one of Xiao and Boyd (2004).
package struct MixingMatrix: Sendable, Hashable {
    /// The weights, row after row: row i says how peer i mixes.
    package let weights: [Double]
    /// The number of peers.
    package let count: Int
    /// The fixed distribution: `sampleCounts` scaled to the sum one.
    package let stationary: [Double]

    /// The matrix of `graph`, whose peers hold `sampleCounts` records each (at least one).
    package init(graph: SwarmGraph, sampleCounts: [Int]) {
        precondition(sampleCounts.count == graph.count, "there is a sample count for each peer")
        precondition(sampleCounts.allSatisfy { $0 > 0 }, "a peer holds at least one record")
        let count = graph.count
        var weights = [Double](repeating: 0, count: count * count)
        for peer in 0..<count {
            var kept = 1.0
            for neighbour in graph.neighbours[peer] {
                let ratio = Double(sampleCounts[neighbour]) / Double(sampleCounts[peer])
                let weight = min(
                    1 / Double(graph.degree(of: peer) + 1), ratio / Double(graph.degree(of: neighbour) + 1))
                weights[peer * count + neighbour] = weight
                kept -= weight
            }
            weights[peer * count + peer] = kept
        }
        let total = sampleCounts.reduce(0.0) { $0 + Double($1) }
        self.weights = weights
        self.count = count
        stationary = sampleCounts.map { Double($0) / total }
    }

    /// The matrix of `graph` when every peer counts alike.
    package init(graph: SwarmGraph) {
        self.init(graph: graph, sampleCounts: [Int](repeating: 1, count: graph.count))
    }

    /// What peer `row` takes of peer `column`.
    package subscript(_ row: Int, _ column: Int) -> Double { weights[row * count + column] }
}
