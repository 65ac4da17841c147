import LinearAlgebra

extension SwarmTopology {
    /// The graph that the file describes, over the peers in their order.
    ///
    /// A random graph is drawn from the swarm's seed, so that every peer draws the same one.
    package func swarmGraph() throws(SwarmGraph.ImpossibleGraph) -> SwarmGraph {
        let count = peers.count
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
}
