package import Adapters
package import Aggregation
import Basics
package import Overlay
package import SwarmFile
import Wire

/// Why a peer cannot take part.
package enum PeerSetupError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The topology lacks keys of a peer.
    case unresolved(name: String)
    /// No graph, or one that agreement takes too long on.
    case graph(String)
    /// The exchange asks for LoRA factors, and the adapter has none.
    case withoutFactors(String)
    /// A contribution may have more bytes than the protocol carries.
    case tooLarge(bytes: Int)
    /// The checkpoint is another peer's, another swarm's, or another model's.
    case foreignCheckpoint(String)

    package var description: String {
        switch self {
        case .unresolved(let name):
            "the topology file gives no id and key for peer \(name); make them with `murmur identity new`"
        case .graph(let reason): reason
        case .withoutFactors(let mode):
            "exchange.factors: \(mode) is for LoRA adapters; this trainer's adapter has no factors"
        case .tooLarge(let bytes):
            "a contribution of this adapter may take \(bytes) bytes; the protocol carries "
                + "\(WireConfiguration.payloadByteLimit) (1 GiB): take a smaller rank or fewer target modules"
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
        let swarm = try SharedSettings(topology, graph, schema)
        self = try Self.of(
            index, swarm, schema: schema, baseModelDigest: baseModelDigest, sampleCount: sampleCount)
    }

    /// The configurations of all peers, in their order: what they share is computed once.
    ///
    /// - Throws: `PeerSetupError`.
    package static func all(
        topology: SwarmTopology, graph: SwarmGraph, schema: AdapterSchema, baseModelDigest: [UInt8],
        sampleCounts: [Int]
    ) throws(PeerSetupError) -> [PeerConfiguration] {
        let swarm = try SharedSettings(topology, graph, schema)
        var configurations: [PeerConfiguration] = []
        for index in topology.peers.indices {
            configurations.append(
                try of(
                    index, swarm, schema: schema, baseModelDigest: baseModelDigest, sampleCount: sampleCounts[index]))
        }
        return configurations
    }

    /// What is the same for all peers and takes long to compute for large graphs.
    private struct SharedSettings {
        let topology: SwarmTopology
        let graph: SwarmGraph
        let ids: [PeerID?]
        let depth: Int
        let exchange: ExchangePolicy
        let settlingLimit: Int
        let layout: FactorLayout?

        init(_ topology: SwarmTopology, _ graph: SwarmGraph, _ schema: AdapterSchema) throws(PeerSetupError) {
            self.topology = topology
            self.graph = graph
            ids = topology.peers.map(\.id)
            depth = graph.diameterWithOneMissing
            guard depth <= ContributionStatus.maximumDepth else {
                throw .graph(
                    "the graph's peers are up to \(depth) edges apart; \(ContributionStatus.maximumDepth) is allowed")
            }
            var exchange = ExchangePolicy(topology)
            exchange.staleness += exchange.mixing.longestPause(in: graph)
            exchange.chebyshev = exchange.chebyshev(on: graph, depth: depth)
            self.exchange = exchange
            settlingLimit = Self.settlingLimit(graph: graph, exchange: exchange, depth: depth)
            layout = FactorLayout(
                schema, configuration: topology.carriedAdapter, seed: topology.swarm.seed,
                residualRank: exchange.residualRank)
            if layout == nil, exchange.factors != .both { throw .withoutFactors(exchange.factors.rawValue) }
            let most = exchange.mostPayloadBytes(of: schema)
            guard most <= WireConfiguration.payloadByteLimit else { throw .tooLarge(bytes: most) }
        }

        /// Ten times the rounds that the spectral gap lets expect for equal sample counts: unequal ones make the gap
        /// smaller.
        private static func settlingLimit(graph: SwarmGraph, exchange: ExchangePolicy, depth: Int) -> Int {
            guard graph.count <= 512 else { return 100_000 }
            let limits = exchange.settlingLimits(depth: depth)
            let matrix = exchange.mixing.matrix(of: graph, sampleCounts: Array(repeating: 1, count: graph.count))
            return 10 * (matrix?.rounds(to: limits.edgeBound / 10) ?? 1000) + 4 * depth + 50
        }
    }

    private static func of(
        _ index: Int, _ swarm: SharedSettings, schema: AdapterSchema, baseModelDigest: [UInt8], sampleCount: Int
    ) throws(PeerSetupError) -> PeerConfiguration {
        var remotes: [RemotePeer] = []
        var hostNames: [HostName] = []
        for other in swarm.graph.neighbours[index] {
            let entry = swarm.topology.peers[other]
            guard let id = entry.id, let key = entry.exchangeKey else { throw .unresolved(name: entry.name) }
            remotes.append(RemotePeer(id: id, exchangeKey: key, address: entry.address))
            if let place = entry.place, place.numeric == nil { hostNames.append(HostName(peer: id, place: place)) }
        }
        let tuning = swarm.topology.tuning.resolved(records: sampleCount)
        var configuration = PeerConfiguration(
            schema: schema, baseModelDigest: baseModelDigest,
            roster: swarm.graph.roster(of: index, ids: swarm.ids, sampleCount: sampleCount, depth: swarm.depth),
            remotes: remotes, rounds: tuning.rounds, localSteps: tuning.localSteps,
            settlingLimit: swarm.settlingLimit, exchange: swarm.exchange)
        configuration.exchange.mixing.join(swarm.graph, as: index)
        configuration.layout = swarm.layout
        configuration.hostNames = hostNames
        configuration.proximal = tuning.proximal
        configuration.participation = swarm.topology.participation
        let members = swarm.ids.compactMap { $0 }
        // Rows name peers by their places: all have to be known.
        if let interval = swarm.topology.exchange.gain, members.count == swarm.ids.count {
            configuration.gain = GainSettings(interval: interval, members: members)
        }
        if case .seconds(let patience) = swarm.topology.completion.waitFor {
            configuration.startupPatience = .seconds(patience)
        }
        if let patience = swarm.topology.exchange.patience { configuration.wait(atLeast: .seconds(patience)) }
        configuration.waits.limit = swarm.topology.exchange.roundDeadline.map { .seconds($0) }
        return configuration
    }
}

extension SwarmTopology {
    /// Who trains in a round.
    package var participation: Participation { Participation(share: tuning.participation, seed: swarm.seed) }
}

extension ExchangePolicy {
    /// The policy that a topology file's `exchange:` section asks for.
    package init(_ topology: SwarmTopology) {
        let section = topology.exchange
        self.init(
            mixing: section.mixing, weights: section.weights, factors: section.factors,
            residualRank: topology.residualRank, compression: section.compression, robustness: section.robustness,
            budget: ExchangeBudget(bytes: section.budget.map { Int($0) }, uplink: section.uplink),
            topKShare: section.topKShare)
        overlaps = section.overlap
        outer = section.outer
        tracksGradients = section.tracking
        settling = section.settling
        staleness = section.staleness
        consensusBound = section.consensusBound
    }
}
