package import Adapters
package import Overlay
package import SwarmFile
import Wire

/// Why a peer cannot take part.
package enum PeerSetupError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The topology lacks keys of a peer.
    case unresolved(name: String)
    /// No graph, or one that agreement takes too long on.
    case graph(String)
    /// The checkpoint is another peer's, another swarm's, or another model's.
    case foreignCheckpoint(String)

    package var description: String {
        switch self {
        case .unresolved(let name):
            "the topology file gives no id and key for peer \(name); make them with `murmur identity new`"
        case .graph(let reason): reason
        case .foreignCheckpoint(let reason): "the checkpoint cannot be resumed: \(reason)"
        }
    }
}

extension PeerConfiguration {
    /// The configuration of peer `index` of a topology whose peers all have identities.
    ///
    /// - Throws: `PeerSetupError`.
    package init(
        topology: SwarmTopology, index: Int, schema: AdapterSchema, baseModelDigest: [UInt8], sampleCount: Int
    ) throws(PeerSetupError) {
        let graph: SwarmGraph
        do { graph = try topology.swarmGraph() } catch { throw .graph(error.description) }
        let depth = graph.diameterWithOneMissing
        self = try Self.of(
            topology: topology, index: index, graph: graph, depth: depth, schema: schema,
            baseModelDigest: baseModelDigest, sampleCount: sampleCount)
        settlingLimit = Self.settlingLimit(graph: graph, edgeBound: edgeBound, depth: depth)
    }

    /// The configurations of all peers, in their order: the graph's diameter and spectral gap are computed once.
    ///
    /// - Throws: `PeerSetupError`.
    package static func all(
        topology: SwarmTopology, graph: SwarmGraph, schema: AdapterSchema, baseModelDigest: [UInt8],
        sampleCounts: [Int]
    ) throws(PeerSetupError) -> [PeerConfiguration] {
        let depth = graph.diameterWithOneMissing
        var limit: Int?
        var configurations: [PeerConfiguration] = []
        for index in topology.peers.indices {
            var one = try of(
                topology: topology, index: index, graph: graph, depth: depth, schema: schema,
                baseModelDigest: baseModelDigest, sampleCount: sampleCounts[index])
            limit = limit ?? settlingLimit(graph: graph, edgeBound: one.edgeBound, depth: depth)
            one.settlingLimit = limit!
            configurations.append(one)
        }
        return configurations
    }

    /// A configuration without its settling limit.
    private static func of(
        topology: SwarmTopology, index: Int, graph: SwarmGraph, depth: Int, schema: AdapterSchema,
        baseModelDigest: [UInt8], sampleCount: Int
    ) throws(PeerSetupError) -> PeerConfiguration {
        var neighbours: [Neighbour] = []
        for other in graph.neighbours[index] {
            let entry = topology.peers[other]
            guard let id = entry.id, let key = entry.exchangeKey else { throw .unresolved(name: entry.name) }
            let remote = RemotePeer(id: id, exchangeKey: key, address: entry.address)
            let common = graph.neighbours[other].filter { graph.neighbours[index].contains($0) }
            neighbours.append(
                Neighbour(
                    remote: remote, degree: graph.degree(of: other),
                    common: Set(common.compactMap { topology.peers[$0].id })))
        }
        guard depth <= ContributionStatus.maximumDepth else {
            throw .graph(
                "the graph's peers are up to \(depth) edges apart; \(ContributionStatus.maximumDepth) is allowed")
        }
        var configuration = PeerConfiguration(
            schema: schema, baseModelDigest: baseModelDigest, sampleCount: sampleCount, neighbours: neighbours,
            rounds: topology.tuning.rounds, localSteps: topology.tuning.localSteps, agreementDepth: depth,
            settlingLimit: 0)
        configuration.staleness = topology.exchange.staleness
        configuration.consensusBound = topology.exchange.consensusBound
        configuration.weighsUniformly = topology.exchange.weights == .uniform
        configuration.waits.limit = topology.exchange.roundDeadline.map { .seconds($0) }
        return configuration
    }

    /// Ten times the rounds that the spectral gap lets expect for equal sample counts: unequal ones make the gap smaller.
    private static func settlingLimit(graph: SwarmGraph, edgeBound: Double, depth: Int) -> Int {
        guard graph.count <= 512 else { return 100_000 }
        let expected = MixingMatrix(graph: graph).rounds(to: edgeBound / 10) ?? 1000
        return 10 * expected + 4 * depth + 50
    }
}
