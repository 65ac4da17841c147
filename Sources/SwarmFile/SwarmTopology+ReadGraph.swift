import Overlay

extension SwarmTopology {
    /// Reads `graph:`, or the neighbours that the peers name themselves.
    static func readGraph(
        _ file: TopologySection, peers: [PeerEntry], named: [NamedNeighbour], include: (String) throws -> String
    ) throws -> Graph {
        let places = Dictionary(uniqueKeysWithValues: peers.enumerated().map { ($0.element.name, $0.offset) })
        if let first = named.first {
            if let value = file["graph"] {
                throw value.error(
                    "peers name their neighbours (line \(first.place.line)); give the graph here or there, not twice")
            }
            let edges = try named.map { try edge($0.peer, peer($0.name, in: places, at: $0.place), at: $0.place) }
            return Graph(kind: .edges, edges: Set(edges).sorted())
        }
        let value = try file.required("graph")
        let section = try value.section(keys: ["kind", "degree", "edges"])
        let kind = try section.required("kind").choice(Graph.Kind.self, planned: ["one-peer-exponential"])
        var graph = Graph(kind: kind)
        if let value = section["degree"] {
            guard kind == .randomRegular else { throw value.error("degree is for the kind random-regular") }
            graph.degree = try value.integer(in: 2...maximumPeers)
        } else if kind == .randomRegular {
            graph.degree = 4
        }
        if let value = section["edges"] {
            guard kind == .edges else { throw value.error("edges are for the kind edges") }
            let edges =
                value.isList
                ? try readEdges(value, places: places)
                : try readEdgesFile(try include(try value.text()), file: try value.text(), places: places)
            graph.edges = Set(edges).sorted()
        } else if kind == .edges {
            throw value.error("edges are missing: a list of pairs, or the path of an .edges file")
        }
        return graph
    }

    private static func readEdges(_ value: TopologyValue, places: [String: Int]) throws -> [SwarmGraph.Edge] {
        try value.list().map { pair in
            let ends = try pair.list()
            guard ends.count == 2 else { throw pair.error("an edge has two ends, [peer-0, peer-1]") }
            return try edge(
                peer(try ends[0].text(), in: places, at: ends[0]), peer(try ends[1].text(), in: places, at: ends[1]),
                at: pair)
        }
    }

    /// Reads an `.edges` file: two peers a line, by name or by number from zero, parted by blanks or commas; what
    /// follows a `#`, a `%` at the beginning of a line, and further columns (weights) are not read.
    static func readEdgesFile(_ text: String, file: String, places: [String: Int]) throws -> [SwarmGraph.Edge] {
        var edges: [SwarmGraph.Edge] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let content = line.prefix { $0 != "#" }
            let words = content.split { $0 == " " || $0 == "\t" || $0 == "," }
            if words.isEmpty || content.hasPrefix("%") { continue }
            func fault(_ problem: String) -> TopologyError {
                TopologyError(file: file, line: index + 1, problem: problem)
            }
            guard words.count >= 2 else { throw fault("an edge has two ends, such as: peer-0 peer-1") }
            var ends: [Int] = []
            for word in words.prefix(2) {
                guard let place = find(String(word), in: places) else { throw fault("there is no peer \"\(word)\"") }
                ends.append(place)
            }
            guard ends[0] != ends[1] else { throw fault("the edge leads from \(words[0]) to itself") }
            edges.append(SwarmGraph.Edge(ends[0], ends[1]))
        }
        guard !edges.isEmpty else { throw TopologyError(file: file, problem: "the file has no edges") }
        return edges
    }

    /// The place of the peer that is called `text`, or that has the number `text`.
    private static func find(_ text: String, in places: [String: Int]) -> Int? {
        if let place = places[text] { return place }
        guard let number = Int(text), (0..<places.count).contains(number) else { return nil }
        return number
    }

    private static func peer(_ text: String, in places: [String: Int], at value: TopologyValue) throws -> Int {
        if let place = find(text, in: places) { return place }
        let hint = NearestName.of(text, among: places.keys.sorted()).map { " (did you mean \"\($0)\"?)" } ?? ""
        throw value.error("there is no peer \"\(text)\"\(hint)")
    }

    private static func edge(_ one: Int, _ other: Int, at value: TopologyValue) throws -> SwarmGraph.Edge {
        guard one != other else { throw value.error("a peer is not its own neighbour") }
        return SwarmGraph.Edge(one, other)
    }
}
