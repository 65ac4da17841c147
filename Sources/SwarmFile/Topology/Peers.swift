package import Basics
import Storage

extension SwarmTopology {
    /// One of `peers:`.
    package struct PeerEntry: KeyedSection, Hashable {
        /// The name people use; unique in the swarm.
        package var name: String
        /// nil until identities are made.
        package var id: PeerID?
        /// 32 bytes; nil until identities are made.
        package var exchangeKey: [UInt8]?
        /// Where it receives, by number or by name; nil where it is only known to others (a simulated peer).
        package var place: PeerAddress?
        /// nil where the instructions are dealt out from `data.source`.
        package var data: DataSource?
        /// nil where the file's own `trainer` counts.
        package var trainer: Trainer?

        package init(
            name: String, id: PeerID? = nil, exchangeKey: [UInt8]? = nil, address: NetworkAddress? = nil,
            data: DataSource? = nil
        ) {
            self.name = name
            self.id = id
            self.exchangeKey = exchangeKey
            place = address.map { PeerAddress($0) }
            self.data = data
        }

        /// The numeric address; nil where there is none, or where the file has a host's name.
        package var address: NetworkAddress? {
            get { place?.numeric }
            set { place = newValue.map { PeerAddress($0) } }
        }

        package static let defaults = PeerEntry(name: "peer")
        package static let keys: [SectionKey<Self>] = [
            .shared("name", \.name, .name, "The peer's name; unique.").otherwise("`peer-` and its place"),
            .shared(
                "id", \.id, .optional(.identity), "The Ed25519 public key; unique.",
                "`murmur identity show` prints it."),
            .shared("key", \.exchangeKey, .optional(.publicKey), "The X25519 public key of handshakes; unique."),
            .shared(
                "address", \.place, .optional(.address), "Where the peer receives; unique.",
                "A name is looked up at the start, and again when the peer is lost."),
            .local("data", \.data, .optional(.source), "This peer's own instructions."),
            .local(
                "trainer", \.trainer, .optional(.trainer),
                "Who takes this peer's local steps, instead of the file's `trainer`."),
            .described(
                "neighbours", "a list of names", "Who the peer is connected to, in place of `graph`.",
                schema: ["type": "array", "items": ["type": "string"]]),
        ]
    }

    /// `peers:` as a number of peers on one machine, on successive ports.
    struct CountedPeers: KeyedSection {
        var count = 2
        var host: String?
        var firstPort: Int?

        static let defaults = CountedPeers()
        static let keys: [SectionKey<Self>] = [
            .shared(
                "count", \.count, .integer(2...maximumCount),
                "How many peers; they are called peer-0, peer-1 and so on."
            )
            .required(),
            .shared("host", \.host, .optional(.host), "The machine's address.").otherwise("127.0.0.1"),
            .shared(
                "first-port", \.firstPort, .optional(.integer(1...65_535)), "The port of the first peer.",
                "Without it the peers have no addresses, which is enough for a simulation."),
        ]
    }
}

extension ValueFormat where Value == PeerID {
    fileprivate static var identity: ValueFormat {
        ValueFormat(
            values: "64 hexadecimal digits", schema: ["$ref": "#/$defs/key"],
            read: { value in
                guard let id = PeerID(try value.text()) else {
                    throw value.error(
                        "not an identity; the 64 hexadecimal digits of an Ed25519 public key are expected")
                }
                return id
            },
            write: { "\"\($0)\"" }, json: { _ in nil })
    }
}

extension ValueFormat where Value == [UInt8] {
    fileprivate static var publicKey: ValueFormat {
        ValueFormat(
            values: "64 hexadecimal digits", schema: ["$ref": "#/$defs/key"],
            read: { value in
                guard let key = [UInt8](hexadecimal: try value.text()), key.count == 32 else {
                    throw value.error("not a key; the 64 hexadecimal digits of an X25519 public key are expected")
                }
                return key
            },
            write: { "\"\($0.hexadecimal)\"" }, json: { _ in nil })
    }
}

extension ValueFormat where Value == PeerAddress {
    fileprivate static var address: ValueFormat {
        ValueFormat(
            values: "an address or a host's name, and a port: 192.0.2.7:9100, \"[2001:db8::7]:9100\", ada.example:9100",
            schema: ["type": "string"],
            read: { value in
                let text = try value.text()
                guard let place = PeerAddress(text), place.port > 0 else {
                    throw value.error(
                        "\"\(text)\" is neither an address nor a host's name with a port, such as 192.0.2.7:9100, "
                            + "[::1]:9100 or ada.example:9100")
                }
                return try reachable(place, as: text, at: value)
            },
            write: { "\"\($0)\"" }, json: { _ in nil })
    }
}

/// `place` in its one form, refused where nobody can reach a peer at it; `text` is how the file has it.
private func reachable(_ place: PeerAddress, as text: String, at value: TopologyValue) throws -> PeerAddress {
    guard let address = place.numeric else { return place }
    let unmapped = NetworkAddress(host: NetworkAddress.unmapped(address.host), port: address.port)
    if let reason = unmapped.unreachableReason {
        throw value.error(
            "\"\(text)\" \(reason); give the address at which the others reach this peer (--listen says where it listens)"
        )
    }
    return PeerAddress(unmapped)
}

extension ValueFormat where Value == String {
    fileprivate static var host: ValueFormat {
        text("a numeric address or a host's name", schema: ["type": "string"]) { value in
            let text = try value.text()
            guard let place = PeerAddress(host: text, port: 1) else {
                throw value.error(
                    "\"\(text)\" is neither a numeric address such as 127.0.0.1 nor the name of a host such as localhost"
                )
            }
            return try reachable(place, as: text, at: value).host
        }
    }
}

extension SwarmTopology {
    /// The most peers that a file may list: it is read by people.
    package static let maximumPeers = 10_000
    /// The most peers that a file may count.
    package static let maximumCount = 100_000

    /// Edges that peers name themselves: the place of the peer, the name of its neighbour, where that is written.
    typealias NamedNeighbour = (peer: Int, name: String, place: TopologyValue)

    /// Reads either form of `peers:`.
    static func readPeers(_ value: TopologyValue) throws -> (peers: [PeerEntry], neighbours: [NamedNeighbour]) {
        if !value.isList { return (try readCountedPeers(value), []) }
        var peers: [PeerEntry] = []
        var neighbours: [NamedNeighbour] = []
        var names: [String: Int] = [:]
        var ids: [PeerID: Int] = [:]
        var keys: [[UInt8]: Int] = [:]
        var addresses: [PeerAddress: Int] = [:]
        let elements = try value.list()
        guard elements.count <= maximumPeers else { throw value.error("a swarm has at most \(maximumPeers) peers") }
        for (index, element) in elements.enumerated() {
            let section = try element.section(keys: PeerEntry.keys.map(\.name))
            let peer = try PeerEntry.read(section, start: PeerEntry(name: "peer-\(index)"))
            func refuseSecond<Key: Hashable>(_ key: Key?, _ seen: inout [Key: Int], _ word: String) throws {
                guard let key else { return }
                if let first = seen.updateValue(index, forKey: key) {
                    let place = section[word] ?? element
                    throw place.error("the \(word) is already that of peer \(peers[first].name) (peers[\(first)])")
                }
            }
            try refuseSecond(peer.name, &names, "name")
            try refuseSecond(peer.id, &ids, "id")
            try refuseSecond(peer.exchangeKey, &keys, "key")
            try refuseSecond(peer.place, &addresses, "address")
            for name in try section["neighbours"]?.list() ?? [] { neighbours.append((index, try name.text(), name)) }
            peers.append(peer)
        }
        guard peers.count >= 2 else { throw value.error("\(peers.count) peers are no swarm; two at least are needed") }
        return (peers, neighbours)
    }

    private static func readCountedPeers(_ value: TopologyValue) throws -> [PeerEntry] {
        let section = try value.section(keys: CountedPeers.keys.map(\.name))
        let peers = try CountedPeers.read(section)
        let names = (0..<peers.count).map { "peer-\($0)" }
        guard let place = section["first-port"], let firstPort = peers.firstPort else {
            guard section["host"] == nil else { throw value.error("host needs first-port: the port of the first peer") }
            return names.map { PeerEntry(name: $0) }
        }
        guard firstPort + peers.count - 1 <= 65_535 else {
            throw place.error(
                "\(peers.count) ports from \(firstPort) on pass 65535; \(65_536 - peers.count) is the last that fits")
        }
        return names.enumerated().map { index, name in
            let port = UInt16(firstPort + index)
            var entry = PeerEntry(name: name)
            entry.place = PeerAddress(host: peers.host ?? "127.0.0.1", port: port)
            return entry
        }
    }
}

/// The public keys that make a peer part of a swarm.
package struct PeerIdentity: Sendable, Hashable {
    /// The Ed25519 public key.
    package let id: PeerID
    /// The X25519 public key, 32 bytes.
    package let exchangeKey: [UInt8]

    package init(id: PeerID, exchangeKey: [UInt8]) {
        precondition(exchangeKey.count == 32, "an X25519 public key has 32 bytes")
        self.id = id
        self.exchangeKey = exchangeKey
    }
}

extension SwarmTopology {
    /// The topology with an identity for every peer that has none: `identities` has one for each peer, in the order of
    /// `peers`. Identities that the file gives are kept.
    package func expanded(identities: [PeerIdentity]) -> SwarmTopology {
        precondition(identities.count == peers.count, "there is one identity for each peer")
        var topology = self
        for (index, identity) in identities.enumerated() where peers[index].id == nil {
            topology.peers[index].id = identity.id
            topology.peers[index].exchangeKey = identity.exchangeKey
        }
        return topology
    }
}
