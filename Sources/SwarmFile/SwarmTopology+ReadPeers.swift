import Basics

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
        var addresses: [NetworkAddress: Int] = [:]
        let elements = try value.list()
        guard elements.count <= maximumPeers else { throw value.error("a swarm has at most \(maximumPeers) peers") }
        for (index, element) in elements.enumerated() {
            let section = try element.section(keys: ["name", "id", "key", "address", "data", "neighbours"])
            let peer = try readPeer(section, index: index)
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
            try refuseSecond(peer.address, &addresses, "address")
            for name in try section["neighbours"]?.list() ?? [] { neighbours.append((index, try name.text(), name)) }
            peers.append(peer)
        }
        guard peers.count >= 2 else { throw value.error("\(peers.count) peers are no swarm; two at least are needed") }
        return (peers, neighbours)
    }

    private static func readCountedPeers(_ value: TopologyValue) throws -> [PeerEntry] {
        let section = try value.section(keys: ["count", "host", "first-port"])
        let count = try section.required("count").integer(in: 2...maximumCount)
        var host = "127.0.0.1"
        if let value = section["host"] {
            guard let numeric = NetworkAddress.canonicalHost(try value.text()) else {
                throw value.error("\"\(try value.text())\" is not a numeric IPv4 or IPv6 address such as 127.0.0.1")
            }
            host = numeric
        }
        guard let value = section["first-port"] else {
            guard section["host"] == nil else { throw value.error("host needs first-port: the port of the first peer") }
            return (0..<count).map { PeerEntry(name: "peer-\($0)") }
        }
        let firstPort = try value.integer(in: 1...65_535)
        guard firstPort + count - 1 <= 65_535 else {
            throw value.error("\(count) ports from \(firstPort) on pass 65535; \(65_536 - count) is the last that fits")
        }
        return (0..<count).map {
            PeerEntry(name: "peer-\($0)", address: NetworkAddress(host: host, port: UInt16(firstPort + $0)))
        }
    }

    private static func readPeer(_ section: TopologySection, index: Int) throws -> PeerEntry {
        var peer = PeerEntry(name: "peer-\(index)")
        if let value = section["name"] {
            try checkName(value)
            peer.name = try value.text()
        }
        if let value = section["id"] {
            guard let id = PeerID(try value.text()) else {
                throw value.error("not an identity; the 64 hexadecimal digits of an Ed25519 public key are expected")
            }
            peer.id = id
        }
        if let value = section["key"] {
            guard let key = [UInt8](hexadecimal: try value.text()), key.count == 32 else {
                throw value.error("not a key; the 64 hexadecimal digits of an X25519 public key are expected")
            }
            peer.exchangeKey = key
        }
        if let value = section["address"] {
            guard let address = NetworkAddress(try value.text()), address.port > 0 else {
                throw value.error(
                    "\"\(try value.text())\" is not a numeric address with a port, such as 192.0.2.7:9100 or [::1]:9100"
                )
            }
            peer.address = address
        }
        if let value = section["data"] { peer.data = try readSource(value) }
        return peer
    }
}
