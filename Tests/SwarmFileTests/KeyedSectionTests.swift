import Adapters
import Aggregation
import Basics
import Foundation
import Storage
import SwarmFile
import Testing

/// What holds for every key of every section, as its description and its schema say it.
@Suite struct KeyedSectionTests {
    /// A key with its path in the file, `model.lora.rank`.
    struct Place: Sendable, CustomTestStringConvertible {
        let path: [String]
        let key: KeyDescription

        var testDescription: String { path.joined(separator: ".") }
    }

    /// All keys that have a value of their own, but for those of a list of peers, and of `trainer` where it is a section.
    static let places: [Place] = SwarmTopology.sections.flatMap { name, keys -> [Place] in
        func places(_ path: [String], _ keys: [KeyDescription]) -> [Place] {
            keys.flatMap { key in
                key.nested.isEmpty
                    ? [Place(path: path + [key.name], key: key)] : places(path + [key.name], key.nested)
            }
        }
        let path = ["peers, counted": ["peers"], "the top": []][name] ?? [name]
        return ["peers, listed", "trainer"].contains(name) ? [] : places(path, keys)
    }

    typealias Leaf = (path: [String], text: String)

    /// A file in which every key may stand.
    static let base: [Leaf] = [
        (["swarm", "name"], "demo"), (["model", "base"], "models/tiny"), (["data", "source"], "builtin:chores"),
        (["data", "partition", "scheme"], "dirichlet"), (["graph", "kind"], "ring"),
        (["peers", "count"], "8"),
        (["peers", "first-port"], "9100"),
    ]

    /// The file with `leaf`, and the line of it.
    static func file(with leaf: Leaf) -> (text: String, line: Int) {
        var leaves = base
        leaves.removeAll { $0.path == leaf.path || leaf.path == ["graph", "degree"] && $0.path == ["graph", "kind"] }
        if leaf.path == ["graph", "degree"] { leaves.append((["graph", "kind"], "random-regular")) }
        if leaf.path.last == "gain-records" { leaves.append((["exchange", "gain"], "2")) }
        if leaf.path[0] == "exchange" || leaf.path == ["data", "keep-own"] {
            leaves.append((["data", "validation"], "1"))
        }
        if leaf.path == ["exchange", "residual-rank"] { leaves.append((["exchange", "factors"], "product-residual")) }
        if leaf.path == ["exchange", "top-k-share"] { leaves.append((["exchange", "compression"], "top-k")) }
        let lines = ["murmuration: 1"] + lines(leaves + [leaf], indentation: "")
        let own = String(repeating: "  ", count: leaf.path.count - 1) + "\(leaf.path.last ?? ""): \(leaf.text)"
        return (lines.joined(separator: "\n"), (lines.firstIndex(of: own) ?? -1) + 1)
    }

    static func lines(_ leaves: [Leaf], indentation: String) -> [String] {
        var lines: [String] = []
        var seen: Set<String> = []
        for leaf in leaves where seen.insert(leaf.path[0]).inserted {
            if leaf.path.count == 1 {
                lines.append("\(indentation)\(leaf.path[0]): \(leaf.text)")
            } else {
                let inner = leaves.filter { $0.path[0] == leaf.path[0] }.map { (Array($0.path.dropFirst()), $0.text) }
                lines += ["\(indentation)\(leaf.path[0]):"] + Self.lines(inner, indentation: indentation + "  ")
            }
        }
        return lines
    }

    @Test(arguments: places) func whatIsNotAllowedIsRefusedAtItsPlace(place: Place) throws {
        let values = Samples.bad(place.key)
        #expect(!values.isEmpty)
        for value in values {
            let (text, line) = Self.file(with: (place.path, value))
            let error = try #require(throws: TopologyError.self, "\(value)") {
                try SwarmTopology.parse(text, file: "t.yaml")
            }
            #expect(error.key?.hasPrefix(place.testDescription) == true && error.line == line, "\(error)")
        }
    }

    @Test(arguments: places) func theEndsOfTheRangeAreAllowed(place: Place) throws {
        for value in Samples.ends(place.key.schema) {
            // The greatest numbers of peers, ports and neighbours do not fit the other keys of this file.
            if ["peers", "graph"].contains(place.path[0]), value.count > 2 { continue }
            let (text, _) = Self.file(with: (place.path, value))
            let topology = try SwarmTopology.parse(text, file: "t.yaml")
            #expect(try SwarmTopology.parse(topology.yaml, file: "again.yaml") == topology)
        }
    }

    @Test(arguments: 0..<200) func whatIsWrittenReadsBackEqual(seed: UInt64) throws {
        var generator = SeededGenerator(seed: seed, label: "topologies")
        var leaves = Self.base
        for place in Self.places where Bool.random(using: &generator) {
            guard let value = Samples.draw(place.key, using: &generator), place.path != ["peers", "count"] else {
                continue
            }
            leaves.removeAll { $0.path == place.path }
            leaves.append((place.path, value))
        }
        Self.removeData(from: &leaves)
        let value = { (path: [String]) in leaves.first { $0.path == path }?.text ?? "" }
        // Keys that only some values of other keys allow.
        if ExchangePolicy.Mixing(rawValue: value(["exchange", "mixing"]))?.allowsCopies == false {
            leaves.removeAll { $0.path == ["exchange", "compression"] }
        }
        // One peer a round goes with graphs that have its edges.
        if let own = ExchangePolicy.Mixing(rawValue: value(["exchange", "mixing"]))?.graphKind,
            ![own, "complete"].contains(value(["graph", "kind"]))
        {
            leaves.removeAll { $0.path == ["exchange", "mixing"] }
        }
        let mixing = ExchangePolicy.Mixing(rawValue: value(["exchange", "mixing"])) ?? .metropolis
        Self.removeWhatSlicesDoNotAllow(from: &leaves, mixing)
        let compression = ExchangePolicy.Compression(rawValue: value(["exchange", "compression"])) ?? .bf16
        if compression.refersBack, !mixing.allowsDifferences {
            leaves.removeAll { $0.path == ["exchange", "compression"] }
        }
        if let share = Double(value(["tuning", "participation"])), share < 1 {
            leaves.removeAll { $0.path == ["tuning", "schedule"] }
        }
        if !value(["tuning", "local-epochs"]).isEmpty { leaves.removeAll { $0.path == ["tuning", "local-steps"] } }
        let factors = ExchangePolicy.Factors(rawValue: value(["exchange", "factors"])) ?? .both
        if Self.compression(leaves) != .topK { leaves.removeAll { $0.path == ["exchange", "top-k-share"] } }
        if !factors.goes(with: mixing) || !factors.goes(with: Self.compression(leaves)) {
            leaves.removeAll { $0.path == ["exchange", "factors"] }
        }
        Self.removeResidual(from: &leaves)
        if ExchangePolicy.levels(from: Self.compression(leaves), mixing: mixing, factors: factors).count < 2
            || Self.compression(leaves) == .none
        {
            leaves.removeAll { ["budget", "uplink"].contains($0.path.last) }
        }
        if ["", "0"].contains(value(["data", "validation"])) {
            leaves.removeAll { [["exchange", "gain"], ["data", "keep-own"]].contains($0.path) }
        }
        if !leaves.contains(where: { $0.path == ["exchange", "gain"] }) {
            leaves.removeAll { $0.path == ["exchange", "gain-records"] }
        }
        if !factors.goesWithOverlap { leaves.removeAll { $0.path == ["exchange", "overlap"] } }
        Self.removeMomentum(from: &leaves, mixing)
        if value(["graph", "kind"]) != "random-regular" { leaves.removeAll { $0.path == ["graph", "degree"] } }
        let text = (["murmuration: 1"] + Self.lines(leaves, indentation: "")).joined(separator: "\n")

        let topology = try SwarmTopology.parse(text, file: "t.yaml")
        let written = topology.yaml
        #expect(try SwarmTopology.parse(written, file: "again.yaml") == topology, "\(text)")
        for leaf in leaves where leaf.path[0] != "peers" {
            #expect(Samples.has(written, leaf.path.last ?? "", leaf.text), "\(leaf) in \(written)")
        }
    }

    /// Of keys about data some go with some values of others only.
    private static func removeData(from leaves: inout [Leaf]) {
        let given = leaves
        let value = { (path: [String]) in given.first { $0.path == path }?.text ?? "" }
        if !["dirichlet", "quantity"].contains(value(["data", "partition", "scheme"])) {
            leaves.removeAll { ["alpha", "minimum"].contains($0.path.last) && $0.path[0] == "data" }
        }
        if value(["data", "source"]) != "builtin:chores" {
            leaves.removeAll { $0.path == ["data", "count"] }
        } else {
            leaves.removeAll { $0.path.starts(with: ["data", "fields"]) }
        }
        // A whole conversation, or the parts of a single turn.
        if !value(["data", "fields", "messages"]).isEmpty {
            leaves.removeAll {
                $0.path.starts(with: ["data", "fields"]) && !["messages", "category"].contains($0.path[2])
            }
        }
    }

    /// Only one mode has a residual, with which alphas grow.
    private static func removeResidual(from leaves: inout [Leaf]) {
        let hasResidual = leaves.contains { $0.path == ["exchange", "factors"] && $0.text == "product-residual" }
        leaves.removeAll {
            hasResidual
                ? ["alpha", "alpha-pattern"].contains($0.path.last) && $0.path[0] == "model"
                : $0.path == ["exchange", "residual-rank"]
        }
    }

    /// Averages of slices need values that stand by themselves, and nobody has neighbours' contributions whole.
    private static func removeWhatSlicesDoNotAllow(
        from leaves: inout [Leaf], _ mixing: ExchangePolicy.Mixing
    ) {
        guard mixing.averagesSlices else { return }
        if ![.none, .bf16].contains(compression(leaves)) {
            leaves.removeAll { $0.path == ["exchange", "compression"] }
        }
        let refused = ["overlap", "gain", "gain-records", "budget", "uplink"]
        leaves.removeAll { $0.path.first == "exchange" && refused.contains($0.path.last ?? "") }
    }

    /// Outer momentum, tracked gradients, and settling that is accelerated, go with some of the other keys only.
    private static func removeMomentum(from leaves: inout [Leaf], _ mixing: ExchangePolicy.Mixing) {
        let given = leaves
        let value = { (key: String) in given.first { $0.path == ["exchange", key] }?.text ?? "" }
        let obstacle = OuterMomentum.obstacle(
            mixing: mixing, factors: ExchangePolicy.Factors(rawValue: value("factors")) ?? .both,
            compression: compression(leaves), overlaps: value("overlap") == "true")
        if obstacle != nil { leaves.removeAll { $0.path == ["exchange", "outer"] } }
        let isGiven = { (key: String) in given.contains { $0.path == ["exchange", key] } }
        let untracked = GradientTracking.obstacle(
            mixing: mixing, factors: ExchangePolicy.Factors(rawValue: value("factors")) ?? .both,
            compression: compression(leaves), hasOuter: obstacle == nil && !["", "none"].contains(value("outer")),
            hasBudget: isGiven("budget") || isGiven("uplink"), overlaps: value("overlap") == "true")
        if untracked != nil { leaves.removeAll { $0.path == ["exchange", "tracking"] } }
        let faster = ChebyshevSettling.obstacle(
            mixing: mixing, factors: ExchangePolicy.Factors(rawValue: value("factors")) ?? .both)
        if faster != nil { leaves.removeAll { $0.path == ["exchange", "settling"] } }
    }

    private static func compression(_ leaves: [Leaf]) -> ExchangePolicy.Compression {
        let text = leaves.first { $0.path == ["exchange", "compression"] }?.text
        return text.flatMap { ExchangePolicy.Compression(rawValue: $0) } ?? .bf16
    }

    @Test func keysAndDefaultsAreDescribed() {
        for place in Self.places {
            #expect(place.key.help.hasSuffix(".") && place.key.help.count <= 100, "\(place)")
            #expect(place.key.details.isEmpty || place.key.details.hasSuffix("."), "\(place)")
            #expect(place.key.schema["description"]?.text?.isEmpty == false)
        }
        #expect(Self.places.count >= 38)
    }

    @Test(arguments: [
        (16, "16"), (0.05, "0.05"), (3e-4, "3e-4"), (1e-3, "1e-3"), (1.5e-5, "1.5e-5"), (-2.5e-3, "-2.5e-3"),
        (1e-6, "1e-6"), (0, "0"), (1e6, "1000000"), (0.01, "0.01"), (2.5e-300, "2.5e-300"),
    ]) func numbersAreWrittenAsPeopleWriteThem(value: Double, text: String) throws {
        var topology = try SwarmTopology.parse(TopologyReadTests.minimal, file: "t.yaml")
        topology.tuning.clipNorm = value
        #expect(topology.yaml.contains("  clip-norm: \(text)\n") && Double(text) == value)
    }

    @Test func aSectionThatNoFileGaveIsChecked() {
        var tuning = SwarmTopology.Tuning()
        #expect(tuning.fault == nil)
        tuning.learningRate = .nan
        #expect(tuning.fault == "learning-rate: \"nan\" is not a number; above 0, at most 1 is allowed")
        tuning = .init()
        tuning.batch = 0
        #expect(tuning.fault == "batch: 0 is out of range; 1 to 65536 is allowed")
    }

    @Test func aCommandLineGivesTheSameValues() throws {
        func read<Section: KeyedSection>(_ words: [String: String], _ start: Section) throws -> Section {
            var section = start
            for key in Section.keys {
                if let word = words[key.name] {
                    try key.read(argument: word, into: &section)
                } else {
                    key.complete(&section)
                }
            }
            return section
        }
        let words = [
            "rank": "4", "targets": "q_proj,layers.3.mlp.up_proj", "rank-stabilised": "true",
            "rank-pattern": "down_proj=2,layers.0.mlp.up_proj=3", "alpha-pattern": "up_proj=1.5",
        ]
        var lora = try read(words, SwarmTopology.Model.defaults.lora)
        #expect(lora.rank == 4 && lora.alpha == 8 && lora.isRankStabilised)
        #expect(lora.targets == [.query] && lora.modules.map(\.text) == ["layers.3.mlp.up_proj"])
        #expect(lora.rankExceptions.map(\.value) == [2, 3] && lora.alphaExceptions.map(\.value) == [1.5])
        lora = try read(["targets": "all-linear"], lora)
        #expect(lora.targets.count == 9)
        for (name, word) in [
            ("rank", "0"), ("targets", "q_prj"), ("targets", "q_proj,q_proj"), ("targets", ""), ("rank-pattern", "4"),
            ("rank-pattern", "q_proj=1,q_proj=2"), ("alpha-pattern", "q_proj=0"), ("dropout", "1"),
        ] {
            let error = try #require(throws: TopologyError.self) { try read([name: word], lora) }
            #expect(error.description.hasPrefix("--\(name): "), "\(error)")
        }
    }
}

/// Values that a key's schema allows, and values that it does not.
enum Samples {
    static func number(_ schema: JSONObject, _ words: String...) -> Double? {
        words.compactMap { schema[$0]?.double }.first
    }

    /// The least and the greatest value of a range that has them.
    static func ends(_ schema: JSONObject) -> [String] {
        ["minimum", "maximum"].compactMap { schema[$0] }.map { value in
            value.int.map { "\($0)" } ?? "\(value.double ?? 0)"
        }
    }

    static func bad(_ key: KeyDescription) -> [String] {
        let schema = key.schema
        var values: [String] = []
        if let type = schema["type"]?.text, type == "integer" || type == "number" {
            values = ["word", "1.5.2", "[1]"] + ["nan", "1.5"].filter { type == "integer" || $0 == "nan" }
            if let least = number(schema, "minimum") {
                values.append(type == "integer" ? "\(Int(least) - 1)" : "\(least.nextDown)")
            }
            if let most = schema["maximum"]?.int {
                values.append(type == "integer" ? "\(most + 1)" : "\(Double(most).nextUp)")
            }
            if let open = schema["exclusiveMinimum"]?.double { values += ["\(open)", "\(-1.0)"] }
            if let open = schema["exclusiveMaximum"]?.double {
                values.append(type == "integer" ? "18446744073709551616" : "\(open)")
            }
            return values
        }
        if schema["enum"] != nil { return ["nothing-known", "[a]", "{}"] }
        if schema["type"]?.text == "boolean" { return ["maybe", "1", "[true]"] }
        if key.name == "host" { return ["300.1.1.1", "[a]", "a..b"] }
        switch schema["$ref"]?.text {
        case "#/$defs/name": return ["a/b", ".a", "\"\"", String(repeating: "a", count: 65)]
        case "#/$defs/source":
            return ["a.txt", "folder", "[]", "[a.csv, a.csv]", "builtin:choirs", "https://a.example/b.json"]
        default: break
        }
        switch key.name {
        case "targets": return ["q_proj", "[]", "[q_prj]", "[q_proj, q_proj]", "[layers..q_proj]"]
        case "source": return ["model", "/models/a/b", "a/b/c", "a/b@", "../b", "a/b@c d", "\"\""]
        case "wait-for": return ["\"\"", "[a]", "{}", "0", "-1", "9d", "200000h", "everybody", "min"]
        case "budget": return ["\"\"", "[a]", "{}", "20", "20Mbit/s", "0MB", "-1MB", "999B", "1e9GB", "nanMB"]
        case "outer":
            return [
                "\"\"", "[a]", "nesterov", "0.5", "{ momentum: 1 }", "{ momentum: -0.1 }", "{ rate: 0 }",
                "{ speed: 1 }",
            ]
        case "uplink": return ["\"\"", "[a]", "{}", "20", "20MB", "0Mbit/s", "-1Mbit/s", "999bit/s", "1e9Gbit/s"]
        case "trainer":
            return ["\"\"", "[a]", "{}", "builtin", "python3", "{ command: [] }", "{ command: a, more: 1 }"]
        case "rank-pattern", "alpha-pattern": return ["3", "{ q_prj: 1 }", "{ q_proj: 0 }", "{ q_proj: x }"]
        default: return ["\"\"", "[a]", "{}"]
        }
    }

    static func draw(_ key: KeyDescription, using generator: inout SeededGenerator) -> String? {
        let schema = key.schema
        switch key.name {
        case "source" where schema["$ref"] == nil:
            return ["a/b", "Org-1/model_2.0@v1.0"].randomElement(using: &generator)
        case "targets":
            return ["all-linear", "[k_proj, layers.3.mlp.up_proj, q_proj]"].randomElement(using: &generator)
        case "rank-pattern": return "{ up_proj: \(Int.random(in: 1...1024, using: &generator)), 3.mlp.down_proj: 2 }"
        case "alpha-pattern": return "{ up_proj: \(Double.random(in: 1e-9...1e6, using: &generator)) }"
        case "wait-for": return ["all", "3", "90s", "1.5s"].randomElement(using: &generator)
        case "trainer": return "built-in"
        case "budget": return ["20MB", "1.5GB", "1001B", "512kB"].randomElement(using: &generator)
        case "outer":
            return ["none", "momentum", "{ rate: 0.5 }", "{ momentum: 0.9, rate: 0.7 }"].randomElement(
                using: &generator)
        case "uplink": return ["20Mbit/s", "1.5Gbit/s", "1001bit/s", "512.25kbit/s"].randomElement(using: &generator)
        case "edges", "first-port": return nil
        case "kind": return ["ring", "random-regular", "star"].randomElement(using: &generator)
        case "degree": return "\(Int.random(in: 4...7, using: &generator))"
        case "host": return ["\"::1\"", "10.0.0.7"].randomElement(using: &generator)
        case "source":
            return ["builtin:chores", "a/b.jsonl", "c d.json", "e.csv.gz", "folder/", "[a.tsv, folder/]"].randomElement(
                using: &generator)
        default: break
        }
        if let choices = schema["enum"]?.array { return choices.randomElement(using: &generator)?.text }
        switch schema["type"]?.text {
        case "integer":
            guard let most = schema["maximum"]?.int else {
                return "\(UInt64.random(in: 0...UInt64.max, using: &generator))"
            }
            return "\(Int.random(in: (schema["minimum"]?.int ?? 0)...most, using: &generator))"
        case "number":
            let least = number(schema, "minimum", "exclusiveMinimum") ?? 0,
                most = number(schema, "maximum", "exclusiveMaximum") ?? 1
            // Over all magnitudes, for the text of small numbers is another than that of large ones.
            let share = Double.random(in: 0.001..<1, using: &generator)
            return "\(least + (most - least) * share * [1, 1e-3, 1e-6].randomElement(using: &generator)!)"
        case "boolean": return Bool.random(using: &generator) ? "true" : "false"
        default:
            let letters = "abcdefgh-_019".map { $0 }
            return "a"
                + String(
                    (0..<Int.random(in: 0..<60, using: &generator)).map { _ in letters.randomElement(using: &generator)!
                    })
        }
    }

    /// Whether the text of a topology gives the key `name` the value `text`, be it written in another way.
    static func has(_ yaml: String, _ name: String, _ text: String) -> Bool {
        let rests = yaml.components(separatedBy: "\(name): ").dropFirst()
        return rests.contains { rest in
            let isQuoted = rest.hasPrefix("\"")
            let word = rest.dropFirst(isQuoted ? 1 : 0).prefix { !(isQuoted ? "\"" : ",\n }").contains($0) }
            if ["budget", "uplink"].contains(name) { return Double(word.prefix { !$0.isLetter }) != nil }
            return word == text.replacing("\"", with: "") || (Double(word) != nil && Double(word) == Double(text))
                || name == "outer" && rest.hasPrefix("{ momentum: 0.5, rate: 1 }")
                || "[{".contains(text.first ?? " ") || text == "all-linear" && rest.hasPrefix("all-linear")
        }
    }
}
