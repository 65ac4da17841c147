/// How much of each peer's adapter every peer takes in a round of gossip averaging when nobody is missing: a
/// row-stochastic matrix over the peers of a graph.
///
/// Metropolis–Hastings weights with the target distribution `π ∝ sampleCounts` (Hastings, 1970, with the proposal
/// `1 / (degree + 1)` for every neighbour and for the peer itself):
/// `w_ij = min(1 / (d_i + 1), (n_j / n_i) / (d_j + 1))` for neighbours i and j, and the rest of the row stays with i.
/// `n_i w_ij = n_j w_ji`, so the sample-weighted mean `Σ n_i x_i / Σ n_i` does not change, and it is where a connected
/// swarm ends. With equal sample counts the matrix is the symmetric, doubly stochastic one of Xiao and Boyd (2004).
package struct MixingMatrix: Sendable, Hashable {
    /// A weight that is not zero, and whose.
    package struct Entry: Sendable, Hashable {
        package let column: Int
        package let weight: Double
    }

    /// For each peer how it mixes: what it takes of its neighbours and of itself, by ascending number. Graphs are sparse,
    /// so what is zero is not kept.
    package let rows: [[Entry]]
    /// The number of peers.
    package var count: Int { rows.count }
    /// The fixed distribution: `sampleCounts` scaled to the sum one.
    package let stationary: [Double]

    /// The matrix of `graph`, whose peers hold `sampleCounts` records each (at least one).
    package init(graph: SwarmGraph, sampleCounts: [Int]) {
        precondition(sampleCounts.count == graph.count, "there is a sample count for each peer")
        precondition(sampleCounts.allSatisfy { $0 > 0 }, "a peer holds at least one record")
        let count = graph.count
        rows = (0..<count).map { peer in
            var kept = 1.0
            var row: [Entry] = []
            for neighbour in graph.neighbours[peer] {
                let ratio = Double(sampleCounts[neighbour]) / Double(sampleCounts[peer])
                let weight = min(
                    1 / Double(graph.degree(of: peer) + 1), ratio / Double(graph.degree(of: neighbour) + 1))
                row.append(Entry(column: neighbour, weight: weight))
                kept -= weight
            }
            row.insert(
                Entry(column: peer, weight: kept), at: row.firstIndex { $0.column > peer } ?? row.endIndex)
            return row
        }
        let total = sampleCounts.reduce(0.0) { $0 + Double($1) }
        stationary = sampleCounts.map { Double($0) / total }
    }

    /// The matrix of `graph` when every peer counts alike.
    package init(graph: SwarmGraph) {
        self.init(graph: graph, sampleCounts: [Int](repeating: 1, count: graph.count))
    }

    /// What peer `row` takes of peer `column`.
    package subscript(_ row: Int, _ column: Int) -> Double {
        let entries = rows[row]
        // Halves what is left, as a hub's row is long.
        var (from, until) = (0, entries.count)
        while from < until {
            let middle = (from + until) / 2
            if entries[middle].column == column { return entries[middle].weight }
            if entries[middle].column < column { from = middle + 1 } else { until = middle }
        }
        return 0
    }
}
