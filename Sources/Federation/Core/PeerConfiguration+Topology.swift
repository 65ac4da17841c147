package import Adapters
package import Overlay
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
        var neighbours: [Neighbour] = []
        for other in graph.neighbours[index] {
            let entry = topology.peers[other]
            guard let id = entry.id, let key = entry.exchangeKey else { throw .unresolved(name: entry.name) }
            let remote = RemotePeer(id: id, exchangeKey: key, address: entry.address)
            neighbours.append(Neighbour(remote: remote, degree: graph.degree(of: other)))
        }
        let depth = graph.diameterWithOneMissing
        guard depth <= ContributionStatus.maximumDepth else {
            throw .graph(
                "the graph's peers are up to \(depth) edges apart; \(ContributionStatus.maximumDepth) is allowed")
        }
        self.init(
            schema: schema, baseModelDigest: baseModelDigest, sampleCount: sampleCount, neighbours: neighbours,
            rounds: topology.tuning.rounds, localSteps: topology.tuning.localSteps, agreementDepth: depth,
            settlingLimit: 0)
        staleness = topology.exchange.staleness
        consensusBound = topology.exchange.consensusBound
        weighsUniformly = topology.exchange.weights == .uniform
        waits.limit = topology.exchange.roundDeadline.map { .seconds($0) }
        settlingLimit = Self.settlingLimit(graph: graph, edgeBound: edgeBound, depth: depth)
    }

    /// Ten times the rounds that the spectral gap lets expect for equal sample counts: unequal ones make the gap smaller.
    private static func settlingLimit(graph: SwarmGraph, edgeBound: Double, depth: Int) -> Int {
        guard graph.count <= 512 else { return 100_000 }
        let expected = MixingMatrix(graph: graph).rounds(to: edgeBound / 10) ?? 1000
        return 10 * expected + 4 * depth + 50
    }
}
