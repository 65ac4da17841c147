import Foundation

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
    /// The factor by which the distance from the mean shrinks in a round, at worst; in the long run where the rule mixes in
    /// turns; nil where it has no matrix.
    package let secondEigenvalueModulus: Double?
    /// The bound that `roundsToBound` is for.
    package let bound: Double
    /// Rounds until any start has come nearer to the mean by the factor `bound`; nil when it never does.
    package let roundsToBound: Int?

    /// Audits `graph`, whose peers mix as `matrix` says, or in turn as each of `turns` says where there are any.
    package init(graph: SwarmGraph, matrix: MixingMatrix?, turns: [MixingMatrix] = [], bound: Double = 1e-3) {
        peers = graph.count
        edges = graph.edges.count
        degrees = (0..<graph.count).map(graph.degree(of:))
        isConnected = graph.isConnected
        diameter = graph.diameter
        cutPeers = graph.cutPeers
        self.bound = bound
        if turns.isEmpty {
            secondEigenvalueModulus = matrix?.secondEigenvalueModulus
            roundsToBound =
                isConnected ? secondEigenvalueModulus.flatMap { MixingMatrix.rounds(to: bound, modulus: $0) } : nil
        } else {
            let factor = MixingMatrix.contraction(of: turns)
            secondEigenvalueModulus = pow(factor, 1 / Double(turns.count))
            let periods = isConnected ? MixingMatrix.rounds(to: bound, modulus: factor) : nil
            roundsToBound =
                factor == 0 ? MixingMatrix.roundsToMean(of: turns) : periods.map { $0 * turns.count }
        }
    }

    /// `1 − secondEigenvalueModulus`.
    package var spectralGap: Double? { secondEigenvalueModulus.map { 1 - $0 } }
}
