import Storage

extension SwarmTopology {
    /// `data:` the instructions and how they are dealt out.
    package struct Data: KeyedSection, Hashable {
        /// nil where every peer names its own `data`.
        package var source: DataSource?
        package var fields = Fields()
        package var partition = Partition()
        package var heldOut = 10
        package var validation = 0
        package var keepOwn = KeepOwn.never
        /// nil for the source's own number.
        package var count: Int?

        package init(source: DataSource? = nil) {
            self.source = source
        }

        package static let defaults = Data()
        package static let keys: [SectionKey<Self>] = [
            .local("source", \.source, .optional(.source), "The instructions that are dealt out to the peers."),
            .shared(
                "fields", \.fields, .fields, "What the records' fields are called, where not as usual.",
                "`{ instruction: question, response: answer }`. For every file of the swarm."),
            .shared("partition", \.partition, .section, "How the source is dealt out.")
                .only(for: "a source that is dealt out; here every peer has data: of its own") { $0.source != nil },
            .shared(
                "held-out", \.heldOut, .integer(0...1_000_000),
                "Records of each category that nobody trains on and everyone is measured by."),
            .shared(
                "validation", \.validation, .integer(0...1_000_000),
                "Records of each category, of a peer's own, by which it measures itself in place of training on them.",
                "At most half of a category. The adapter with the least loss on them is kept beside the last one."),
            .local(
                "keep-own", \.keepOwn, .choice(),
                "Whether a peer keeps its own adapter where it is better on its validation part than the common one.",
                KeepOwn.allCases.map { "`\($0.rawValue)`: \($0.meaning). " }.joined()
                    + "Its own is what its last local steps made, before mixing. `docs/fedit.md`, \"A floor for each "
                    + "peer\"."
            ).only(for: "a swarm with validation parts: give validation") { $0.validation > 0 },
            .shared(
                "count", \.count, .optional(.integer(1...10_000_000)), "Records that a built-in source makes.",
                "A file has the records it has."
            )
            .otherwise("the source's")
            .only(for: "built-in sources; a file has the records it has") { $0.source?.isBuiltIn == true },
        ]
    }
}

extension SwarmTopology.Data {
    /// How the records of one source are dealt out.
    package enum Scheme: String, Sendable, Hashable, CaseIterable {
        case iid, category, shards, dirichlet, quantity

        /// Whether proportions are drawn from a Dirichlet distribution: then there are `alpha` and `minimum`.
        package var isDrawn: Bool { self == .dirichlet || self == .quantity }
    }

    /// When a peer keeps its own adapter in the place of the common one.
    package enum KeepOwn: String, Sendable, Hashable, CaseIterable {
        case never
        case worse
        case worseInACategory = "worse-in-a-category"

        /// What the value stands for, for the page.
        package var meaning: String {
            switch self {
            case .never: "it takes the common adapter whatever that does"
            case .worse: "it keeps its own where the common one has more loss on the whole part"
            case .worseInACategory: "it does so where that is so in one category at least"
            }
        }
    }

    /// `data.partition:` how the records of one source are dealt out to the peers.
    package struct Partition: KeyedSection, Hashable {
        package var scheme = Scheme.iid
        package var alpha = 0.5
        package var minimum = 1

        package init() {}

        package static let defaults = Partition()
        package static let keys: [SectionKey<Self>] = [
            .shared(
                "scheme", \.scheme, .choice(), "The rule; `iid` where there is no `partition`.",
                "`category`: whole categories to each peer. `shards`: two shards of the records sorted by category to "
                    + "each peer. `dirichlet`: each category is shared out by a Dirichlet draw. `quantity`: numbers of "
                    + "records are drawn, categories stay mixed."
            ).required(),
            .shared(
                "alpha", \.alpha, .number(above: 0, to: 1e6),
                "For `dirichlet` and `quantity`: the concentration; smaller is more unequal."
            ).only(for: "the schemes dirichlet and quantity") { $0.scheme.isDrawn },
            .shared(
                "minimum", \.minimum, .integer(1...10_000_000),
                "For `dirichlet` and `quantity`: the least number of records of a peer."
            ).only(for: "the schemes dirichlet and quantity") { $0.scheme.isDrawn },
        ]
    }
}

extension SwarmTopology {
    /// Reads `data:`. There is one source to deal out, or every peer has data of its own.
    static func readData(_ value: TopologyValue?, peers: [PeerEntry], in file: TopologySection) throws -> Data {
        let own = peers.filter { $0.data != nil }.count
        guard let value else {
            if own == peers.count { return Data() }
            throw file.place.error(
                "data is missing: a source to deal out, or data: on each of the \(peers.count) peers (\(own) have it)")
        }
        let section = try value.section(keys: Data.keys.map(\.name))
        if let source = section["source"] {
            guard own == 0 else {
                throw source.error("there is one source to deal out and data: on \(own) peers; give one or the other")
            }
        } else if own < peers.count {
            throw value.error("source is missing, and \(peers.count - own) of the peers have no data: of their own")
        }
        let data = try Data.read(section)
        if let fields = section["fields"], data.source?.isBuiltIn == true, !data.fields.isEmpty {
            throw fields.error("fields is for files; a built-in source has the usual names")
        }
        return data
    }
}

extension ValueFormat where Value == String {
    /// One of the built-in names, or a path; another name that begins with `builtin` is refused.
    static func builtIn(_ known: [String], orElse path: String) -> ValueFormat {
        text(
            "\(known.joined(separator: ", ")) or \(path)",
            schema: ["type": "string", "minLength": 1]
        ) { try builtIn($0, known, orElse: path) }
    }

    static func builtIn(_ value: TopologyValue, _ known: [String], orElse path: String) throws -> String {
        let text = try value.text()
        guard text.hasPrefix("builtin") && !known.contains(text) else { return text }
        let hint = NearestName.of(text, among: known).map { " (did you mean \"\($0)\"?)" } ?? ""
        throw value.error("\"\(text)\" is unknown\(hint); allowed: \(known.joined(separator: ", ")) or \(path)")
    }
}
