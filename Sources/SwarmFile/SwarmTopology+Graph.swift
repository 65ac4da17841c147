import Basics
package import Overlay

extension SwarmTopology {
    /// The graph that the file describes, over the peers in their order.
    ///
    /// A random graph is drawn from the swarm's seed, so that every peer draws the same one.
    package func swarmGraph() throws(SwarmGraph.ImpossibleGraph) -> SwarmGraph {
        let count = peers.count
        // Before the edges are laid: those of ten thousand peers, each with every other, would take gigabytes.
        let edgeCount =
            switch graph.kind {
            case .complete: count * (count - 1) / 2
            case .randomRegular: count * max(0, min(graph.degree ?? 4, count)) / 2
            default: 0
            }
        guard edgeCount <= Self.maximumEdges else {
            throw SwarmGraph.ImpossibleGraph(
                description: "this graph has \(edgeCount) edges; \(Self.maximumEdges) are allowed: "
                    + "give it less peers or degree")
        }
        switch graph.kind {
        case .ring: return .ring(count: count)
        case .torus: return try .torus(count: count)
        case .hypercube: return try .hypercube(count: count)
        case .exponential: return .exponential(count: count)
        case .complete: return .complete(count: count)
        case .star: return .star(count: count)
        case .edges: return SwarmGraph(count: count, edges: graph.edges)
        case .randomRegular:
            var generator = SeededGenerator(seed: swarm.seed, label: "graph")
            return try .randomRegular(count: count, degree: graph.degree ?? 4, using: &generator)
        }
    }

    /// The most edges that the graph of a family may have.
    static let maximumEdges = 2_000_000
}
