import Aggregation
import Basics
import Foundation
import Overlay

extension SwarmTopology {
    /// Reads and checks the topology file at `path`, and the `.edges` file it may name.
    ///
    /// Throws a `TopologyError` that says where the fault is and what is allowed.
    package static func load(path: String) throws -> SwarmTopology {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        return try parse(try TopologyValue.contents(of: path, named: path), file: path) { name in
            let target = name.hasPrefix("/") ? name : folder.appendingPathComponent(name).path
            return try TopologyValue.contents(of: target, named: name)
        }
    }

    /// Reads and checks the text of a topology file that messages call `file`; `include` gives the text of a further
    /// file that the topology names.
    package static func parse(
        _ text: String, file: String,
        include: (String) throws -> String = { name in
            throw TopologyError(file: name, problem: "no further file can be read here")
        }
    ) throws -> SwarmTopology {
        let place = try TopologyValue.root(of: text, file: file)
        let keys = ["murmuration", "swarm", "model", "tuning", "data", "exchange", "graph", "peers"]
        let section = try place.section(keys: keys + Completion.keys.map(\.name))
        _ = try section.required("murmuration").integer(in: formatVersion...formatVersion)

        let (peers, named) = try readPeers(section.required("peers"))
        var topology = SwarmTopology(
            swarm: try .read(section.required("swarm")),
            model: try .read(section.required("model")),
            tuning: try section["tuning"].map { try Tuning.readTogether($0) } ?? Tuning(),
            data: try readData(section["data"], peers: peers, in: section),
            exchange: try section["exchange"].map { try Exchange.readTogether($0) } ?? Exchange(),
            graph: Graph(kind: .edges),
            peers: peers)
        topology.completion = try .read(section)
        topology.graph = try readGraph(section, peers: peers, named: named, include: include)
        try topology.checkConnected(at: section["graph"] ?? section.required("peers"))
        try topology.checkMixing(at: section["graph"] ?? section.required("peers"))
        try topology.checkFamilies(at: section.required("peers"))
        try topology.checkGain(at: section["exchange"])
        try topology.checkResidual(at: section["exchange"])
        return topology
    }

    /// As `TopologyValue.quoted`.
    package static func quoted(_ text: String) -> String { TopologyValue.quoted(text) }

    /// As `TopologyValue.name`.
    package static func checkName(_ value: TopologyValue) throws { _ = try value.name() }

    private func checkConnected(at place: TopologyValue) throws {
        let graph: SwarmGraph
        do { graph = try swarmGraph() } catch { throw place.error(error.description) }
        let cut = graph.unreachable()
        guard cut.isEmpty else {
            let names = cut.prefix(5).map { peers[$0].name }.joined(separator: ", ") + (cut.count > 5 ? " …" : "")
            throw place.error(
                "the graph is not connected: \(peers[0].name) does not reach \(names); add edges between the parts")
        }
    }

    /// Refuses a graph that lacks edges over which the mixing rule exchanges.
    private func checkMixing(at place: TopologyValue) throws {
        guard let edge = exchange.mixing.missingEdge(in: try swarmGraph()) else { return }
        throw place.error(
            "mixing: \(exchange.mixing.rawValue) needs the edge between \(peers[edge.first].name) and "
                + "\(peers[edge.second].name), which this graph lacks; give the kind "
                + "\(exchange.mixing.graphKind ?? "complete"), or another mixing")
    }

    /// Refuses to measure gains where there is nothing to measure them on.
    private func checkGain(at place: TopologyValue?) throws {
        guard exchange.gain != nil, data.validation == 0, let place else { return }
        let key = try place.section(keys: Exchange.keys.map(\.name))["gain"]
        throw (key ?? place).error(
            "gain is measured on records that a peer does not train on; give data.validation, how many of each category"
        )
    }

    /// Refuses neighbours of which one has an IPv4 and the other an IPv6 address: a socket of one family does not reach the
    /// other.
    private func checkFamilies(at place: TopologyValue) throws {
        guard Set(peers.compactMap { $0.address?.isIPv6 }).count > 1 else { return }
        for edge in try swarmGraph().edges {
            let (one, other) = (peers[edge.first], peers[edge.second])
            guard let here = one.address, let there = other.address, here.isIPv6 != there.isIPv6 else { continue }
            throw place.error(
                "\(one.name) is at \(here) and its neighbour \(other.name) at \(there): IPv4 and IPv6 do not reach each "
                    + "other; give both an address of one family")
        }
    }

    /// The topology as a file with every key written out and the peers as a list; reading it gives an equal value.
    package var yaml: String {
        var lines = ["murmuration: \(Self.formatVersion)"]
        lines += swarm.lines(name: "swarm") + model.lines(name: "model") + tuning.lines(name: "tuning")
        lines += completion.topLines
        lines += data.lines(name: "data") + exchange.lines(name: "exchange") + graph.lines(name: "graph")
        if graph.kind == .edges { lines.append("  edges: \(edgesText)") }
        lines += ["peers:"] + peers.map { "  - \($0.braced)" }
        return lines.joined(separator: "\n") + "\n"
    }
}
