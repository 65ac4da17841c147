import Foundation
import Yams

extension SwarmTopology {
    /// The largest topology file that is read, in bytes.
    package static let maximumFileSize = 16 << 20

    /// Reads and checks the topology file at `path`, and the `.edges` file it may name.
    ///
    /// Throws a `TopologyError` that says where the fault is and what is allowed.
    package static func load(path: String) throws -> SwarmTopology {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent()
        return try parse(try contents(of: path, named: path), file: path) { name in
            let target = name.hasPrefix("/") ? name : folder.appendingPathComponent(name).path
            return try contents(of: target, named: name)
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
        let root: Node?
        do {
            root = try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw Self.error(from: error, file: file)
        }
        guard let root else { throw TopologyError(file: file, problem: "the file is empty") }
        let place = TopologyValue(node: root, path: "", file: file, line: root.mark?.line ?? 1)
        let keys = ["murmuration", "swarm", "model", "tuning", "data", "exchange", "graph", "peers"]
        let section = try place.section(keys: keys)
        _ = try section.required("murmuration").integer(in: formatVersion...formatVersion)

        let (peers, named) = try readPeers(section.required("peers"))
        var topology = SwarmTopology(
            swarm: try readSwarm(section.required("swarm")),
            model: try readModel(section.required("model")),
            tuning: try readTuning(section["tuning"]),
            data: try readData(section["data"], peers: peers, in: section),
            exchange: try readExchange(section["exchange"]),
            graph: Graph(kind: .edges),
            peers: peers)
        topology.graph = try readGraph(section, peers: peers, named: named, include: include)
        try topology.checkConnected(at: section["graph"] ?? section.required("peers"))
        return topology
    }

    private static func contents(of path: String, named name: String) throws -> String {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw TopologyError(file: name, problem: "the file cannot be read; check its name and its permissions")
        }
        guard data.count <= maximumFileSize else {
            throw TopologyError(file: name, problem: "the file is larger than \(maximumFileSize >> 20) MiB")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw TopologyError(file: name, problem: "the file is not UTF-8 text")
        }
        return text
    }

    private static func error(from error: YamlError, file: String) -> TopologyError {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return TopologyError(file: file, line: mark.line, problem: "the YAML is faulty: \(problem)")
        case .duplicatedKeysInMapping(let duplicates, let context):
            let key = duplicates.first ?? "?"
            return TopologyError(
                file: file, line: context.mark.line, key: key, problem: "the key is given twice in one section")
        case .reader(let problem, _, _, _):
            return TopologyError(file: file, problem: "the text cannot be read as YAML: \(problem)")
        default:
            return TopologyError(file: file, problem: "the text cannot be read as YAML")
        }
    }

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
}
