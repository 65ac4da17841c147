import Basics
package import Overlay
import Storage

extension SwarmTopology {
    /// `graph:` who is connected to whom.
    package struct Graph: KeyedSection, Hashable {
        /// The family that the graph is of.
        package enum Kind: String, Sendable, Hashable, CaseIterable {
            case ring, torus, hypercube, exponential, complete, star, edges
            case randomRegular = "random-regular"
            case baseTwo = "base-2"
        }

        package var kind: Kind
        /// nil for the families whose degree is given.
        package var degree: Int?
        /// The edges of the family `edges`: pairs of places in the list of peers, the smaller first, sorted.
        package var edges: [SwarmGraph.Edge]

        package init(kind: Kind, degree: Int? = nil, edges: [SwarmGraph.Edge] = []) {
            self.kind = kind
            self.degree = degree
            self.edges = edges
        }

        package static let defaults = Graph(kind: .ring)
        package static let keys: [SectionKey<Self>] = [
            .shared("kind", \.kind, .choice(), "The family of the graph.")
                .required(),
            .shared(
                "degree", \.degree, .optional(.integer(2...maximumPeers)), "For `random-regular`: how many neighbours."
            )
            .otherwise("\(usualDegree)") { $0.degree = $0.kind == .randomRegular ? usualDegree : nil }
            .only(for: "the kind random-regular") { $0.kind == .randomRegular },
            .described(
                "edges", "a list of pairs, or the path of an .edges file",
                "For `edges`: who is connected to whom, by name or by number from zero.",
                "A file has two peers a line, parted by blanks or commas; `#` begins a comment.", schema: edgesSchema),
        ]

        /// The degree of a random regular graph that the file does not give.
        static let usualDegree = 4

        private static let edgesSchema: JSONObject = [
            "oneOf": [
                ["type": "string", "minLength": 1],
                [
                    "type": "array",
                    "items": [
                        "type": "array", "minItems": 2, "maxItems": 2, "items": ["type": ["string", "integer"]],
                    ],
                ],
            ]
        ]
    }
}

extension SwarmTopology {
    /// The graph that the file describes, over the peers in their order.
    ///
    /// A random graph is drawn from the swarm's seed, so that every peer draws the same one.
    package func swarmGraph() throws(SwarmGraph.ImpossibleGraph) -> SwarmGraph {
        let count = peers.count
        // Before the edges are laid: those of ten thousand peers, each with every other, would take gigabytes.
        let edgeCount =
            switch graph.kind {
            case .complete: count * (count - 1) / 2
            case .randomRegular: count * max(0, min(graph.degree ?? Graph.usualDegree, count)) / 2
            default: 0
            }
        guard edgeCount <= Self.maximumEdges else {
            throw SwarmGraph.ImpossibleGraph(
                description: "this graph has \(edgeCount) edges; \(Self.maximumEdges) are allowed: "
                    + "give it less peers or degree")
        }
        switch graph.kind {
        case .ring: return .ring(count: count)
        case .torus: return try .torus(count: count)
        case .hypercube: return try .hypercube(count: count)
        case .exponential: return .exponential(count: count)
        case .baseTwo: return .baseTwo(count: count)
        case .complete: return .complete(count: count)
        case .star: return .star(count: count)
        case .edges: return SwarmGraph(count: count, edges: graph.edges)
        case .randomRegular:
            var generator = SeededGenerator(seed: swarm.seed, label: "graph")
            return try .randomRegular(count: count, degree: graph.degree ?? Graph.usualDegree, using: &generator)
        }
    }

    /// The most edges that the graph of a family may have.
    static let maximumEdges = 2_000_000
}

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
        let section = try value.section(keys: Graph.keys.map(\.name))
        var graph = try Graph.read(section)
        if let value = section["edges"] {
            guard graph.kind == .edges else { throw value.error("edges are for the kind edges") }
            let edges =
                value.isList
                ? try readEdges(value, places: places)
                : try readEdgesFile(try include(try value.text()), file: try value.text(), places: places)
            graph.edges = Set(edges).sorted()
        } else if graph.kind == .edges {
            throw value.error("edges are missing: a list of pairs, or the path of an .edges file")
        }
        return graph
    }

    /// The edges as `readGraph` reads them.
    var edgesText: String {
        let pairs = graph.edges.map {
            "[\(TopologyValue.quoted(peers[$0.first].name)), \(TopologyValue.quoted(peers[$0.second].name))]"
        }
        return "[\(pairs.joined(separator: ", "))]"
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
