import Aggregation
import Basics
import Federation
import Overlay
package import SwarmFile

/// What is to be said of a topology: how fast it agrees and where it is weak.
package struct TopologyReport: Encodable, Sendable {
    package let name: String
    package let peers: Int
    package let edges: Int
    package let degrees: [Int]
    package let diameter: Int
    package let spectralGap: Double?
    package let bound: Double
    package let roundsToBound: Int?
    /// How settling is made faster; nil where peers only mix.
    package let settling: Settling?
    package let cutPeers: [String]
    package let hasIdentities: Bool
    /// What trying the mixing rule out gave; nil where that was not asked for.
    package var measured: MixingTrial.Outcome?

    /// What accelerated settling promises.
    package struct Settling: Encodable, Sendable {
        /// What a round leaves of what peers differ in, in the long run.
        package let contraction: Double
        /// Rounds to the relative distance `bound`.
        package let roundsToBound: Int
        /// Rounds that are accelerated, and all rounds with those that prove the agreement, about.
        package let accelerated: Int
        package let inAll: Int
    }

    /// The diameter, and whether it is only a bound.
    package var diameterText: String { peers > SwarmGraph.measurable ? "at least \(diameter)" : "\(diameter)" }

    /// The lowest and the highest degree.
    package var degreeText: String { "\(degrees.min() ?? 0) to \(degrees.max() ?? 0)" }

    /// - Throws: an error for a graph that cannot be.
    package init(_ topology: SwarmTopology) throws {
        let graph = try topology.swarmGraph()
        let policy = ExchangePolicy(topology)
        let rule = policy.mixing
        let counts = topology.peers.map { _ in 1 }
        let audit = TopologyAudit(
            graph: graph, matrix: rule.matrix(of: graph, sampleCounts: counts),
            turns: rule.matrices(of: graph, sampleCounts: counts), bound: topology.exchange.consensusBound)
        name = topology.swarm.name
        peers = audit.peers
        edges = audit.edges
        degrees = audit.degrees
        diameter = audit.diameter ?? -1
        spectralGap = audit.spectralGap
        bound = audit.bound
        roundsToBound = audit.roundsToBound
        let depth = policy.settling == .plain ? 0 : graph.diameterWithOneMissing
        settling = policy.chebyshev(on: graph, depth: depth).map { faster in
            Settling(
                contraction: faster.contraction, roundsToBound: faster.rounds(to: audit.bound),
                accelerated: faster.rounds, inAll: faster.settlingRounds(depth: depth))
        }
        cutPeers = audit.cutPeers.map { topology.peers[$0].name }
        hasIdentities = topology.isResolved
    }
}

extension SwarmTopology {
    /// A topology to begin with: peers on this machine, one port each from `firstPort` on.
    ///
    /// - Throws: `CommandFailure` for a graph that is not connected.
    package static func draft(
        name: String, seed: UInt64, graph: Graph, peers count: Int, firstPort: UInt16, base: String, data: DataSource
    ) throws -> SwarmTopology {
        var topology = SwarmTopology(
            swarm: .init(name: name, seed: seed), model: .init(base: base), tuning: .init(),
            data: .init(source: data), exchange: .init(), graph: graph,
            peers: (0..<count).map { index in
                .init(name: "peer-\(index)", address: .init(host: "127.0.0.1", port: firstPort + UInt16(index)))
            })
        if base == "builtin:fledgling" { topology.tuning.template = "terse" }
        let built = try topology.swarmGraph()
        guard built.isConnected else { throw CommandFailure("the graph is not connected; try another seed") }
        return topology
    }
}
