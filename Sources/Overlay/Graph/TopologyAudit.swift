/// What a graph promises for gossip averaging: the figures of `murmur topology audit`.
package struct TopologyAudit: Sendable, Hashable {
    /// The number of peers.
    package let peers: Int
    /// The number of edges.
    package let edges: Int
    /// Each peer's number of neighbours.
    package let degrees: [Int]
    /// Whether there is a way between any two peers.
    package let isConnected: Bool
    /// The longest of the shortest ways; nil when the graph is not connected.
    package let diameter: Int?
    /// Peers without whom the others would not be connected, ascending.
    package let cutPeers: [Int]
    /// The factor by which the distance from the mean shrinks in a round, at worst.
    package let secondEigenvalueModulus: Double
    /// The bound that `roundsToBound` is for.
    package let bound: Double
    /// Rounds until any start has come nearer to the mean by the factor `bound`; nil when it never does.
    package let roundsToBound: Int?

    /// Audits `graph` whose peers hold `sampleCounts` records; nil for equal numbers.
    package init(graph: SwarmGraph, sampleCounts: [Int]? = nil, bound: Double = 1e-3) {
        let matrix = MixingMatrix(
            graph: graph, sampleCounts: sampleCounts ?? [Int](repeating: 1, count: graph.count))
        peers = graph.count
        edges = graph.edges.count
        degrees = (0..<graph.count).map(graph.degree(of:))
        isConnected = graph.isConnected
        diameter = graph.diameter
        cutPeers = graph.cutPeers
        secondEigenvalueModulus = matrix.secondEigenvalueModulus
        self.bound = bound
        roundsToBound = isConnected ? MixingMatrix.rounds(to: bound, modulus: secondEigenvalueModulus) : nil
    }

    /// `1 − secondEigenvalueModulus`.
    package var spectralGap: Double { 1 - secondEigenvalueModulus }

    /// The smallest degree.
    package var minimumDegree: Int { degrees.min() ?? 0 }

    /// The largest degree.
    package var maximumDegree: Int { degrees.max() ?? 0 }

    /// The mean degree.
    package var meanDegree: Double { degrees.isEmpty ? 0 : Double(2 * edges) / Double(peers) }
}
