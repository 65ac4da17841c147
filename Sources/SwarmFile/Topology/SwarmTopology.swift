package import Basics

/// A swarm as its topology file describes it: what is tuned, on what, how it is exchanged, and who is connected to whom.
///
/// Plain values, checked when they were read. Whoever holds the file with everyone's `id`, `key` and `address` can take
/// part, and only who is in it can: the file is the allow list. `docs/topologies.md` describes every key.
package struct SwarmTopology: Sendable, Hashable {
    /// The version of the file format, the value of the first key, `murmuration`.
    package static let formatVersion = 1

    /// Name, seed and shared secret.
    package var swarm: Swarm
    /// The base model and its adapter.
    package var model: Model
    /// Local training.
    package var tuning: Tuning
    /// The instructions.
    package var data: Data
    /// What peers send each other and how they mix it.
    package var exchange: Exchange
    /// When a run is done: the keys at the top of the file.
    package var completion = Completion()
    /// Who is connected to whom.
    package var graph: Graph
    /// The peers; a peer's place in the list is its number in the graph and in the data partition.
    package var peers: [PeerEntry]

    package init(
        swarm: Swarm, model: Model, tuning: Tuning, data: Data, exchange: Exchange, graph: Graph, peers: [PeerEntry]
    ) {
        self.swarm = swarm
        self.model = model
        self.tuning = tuning
        self.data = data
        self.exchange = exchange
        self.graph = graph
        self.peers = peers
    }

    /// The place in `peers` of the peer called `name`.
    package func index(ofPeerNamed name: String) -> Int? { peers.firstIndex { $0.name == name } }

    /// The place in `peers` of the peer with the identity `id`.
    package func index(of id: PeerID) -> Int? { peers.firstIndex { $0.id == id } }

    /// What each peer with an identity is called.
    package var names: [PeerID: String] {
        var names: [PeerID: String] = [:]
        for peer in peers {
            if let id = peer.id { names[id] = peer.name }
        }
        return names
    }

    /// Whether every peer has an identity, an exchange key and an address: what real peers need.
    package var isResolved: Bool {
        peers.allSatisfy { $0.id != nil && $0.exchangeKey != nil && $0.place != nil }
    }
}

extension SwarmTopology {
    /// `swarm:` what the swarm is called and what its randomness starts from.
    package struct Swarm: KeyedSection, Hashable {
        package var name: String
        package var seed: UInt64
        /// Relative to the topology file; nil for none.
        package var secret: String?

        package init(name: String, seed: UInt64 = 0, secret: String? = nil) {
            self.name = name
            self.seed = seed
            self.secret = secret
        }

        package static let defaults = Swarm(name: "swarm")
        package static let keys: [SectionKey<Self>] = [
            .shared(
                "name", \.name, .name, "The swarm's name: part of every handshake and signature.",
                "Up to 64 letters, digits, `-`, `_`, `.`; no dot first."
            ).required(),
            .shared(
                "seed", \.seed, .seed, "The seed of all that is random and the same for all peers.",
                "Seed adapter, data partition and random graphs follow from it."),
            .local(
                "secret", \.secret, .optional(.text("a path")), "A file with a secret that all peers share.",
                "Without it the allow list alone keeps others out."),
        ]
    }
}
