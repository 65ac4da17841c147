/// Who is connected to whom: an undirected graph without loops over peers numbered from zero.
package struct SwarmGraph: Sendable, Hashable {
    /// A connection between two peers.
    package struct Edge: Sendable, Hashable, Comparable {
        /// The smaller number.
        package let first: Int
        /// The larger number.
        package let second: Int

        /// The edge between two different peers, in either order.
        package init(_ one: Int, _ other: Int) {
            precondition(one != other, "an edge joins two different peers")
            first = min(one, other)
            second = max(one, other)
        }

        package static func < (left: Edge, right: Edge) -> Bool {
            (left.first, left.second) < (right.first, right.second)
        }
    }

    /// For each peer its neighbours, ascending.
    package let neighbours: [[Int]]

    /// The graph of `edges` over `count` peers; edges given twice count once.
    package init(count: Int, edges: some Sequence<Edge>) {
        var sets = [Set<Int>](repeating: [], count: count)
        for edge in edges {
            precondition(edge.first >= 0 && edge.second < count, "an edge joins peers of the swarm")
            sets[edge.first].insert(edge.second)
            sets[edge.second].insert(edge.first)
        }
        neighbours = sets.map { $0.sorted() }
    }

    /// The number of peers.
    package var count: Int { neighbours.count }

    /// The number of neighbours of `peer`.
    package func degree(of peer: Int) -> Int { neighbours[peer].count }

    /// All edges, ascending.
    package var edges: [Edge] {
        neighbours.enumerated().flatMap { peer, others in
            others.filter { $0 > peer }.map { Edge(peer, $0) }
        }
    }
}
