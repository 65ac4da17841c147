/// How much of each peer's adapter every peer takes in a round of gossip averaging when nobody is missing: a
/// row-stochastic matrix over the peers of a graph. A mixing rule that has one makes it (`MixingRule.matrix`); here it is
/// kept and measured.
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
    /// The fixed distribution, which sums to one: the mean that mixing keeps is weighted with it.
    package let stationary: [Double]

    /// A matrix over the edges of `graph`: peer i takes `weight(i, j)` of its neighbour j and keeps the rest.
    ///
    /// - Parameters:
    ///   - stationary: what the fixed distribution is proportional to, one positive number for each peer.
    ///   - weight: what the first of two neighbours takes of the second. Those of a row sum to one at most.
    package init(graph: SwarmGraph, stationary: [Double], weight: (Int, Int) -> Double) {
        precondition(stationary.count == graph.count, "there is a share of the fixed distribution for each peer")
        precondition(stationary.allSatisfy { $0 > 0 }, "every peer has a share of the fixed distribution")
        rows = (0..<graph.count).map { peer in
            var kept = 1.0
            var row: [Entry] = []
            for neighbour in graph.neighbours[peer] {
                let taken = weight(peer, neighbour)
                row.append(Entry(column: neighbour, weight: taken))
                kept -= taken
            }
            row.insert(
                Entry(column: peer, weight: kept), at: row.firstIndex { $0.column > peer } ?? row.endIndex)
            return row
        }
        let total = stationary.reduce(0, +)
        self.stationary = stationary.map { $0 / total }
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
