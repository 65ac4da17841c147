import Foundation
import Storage
import SwarmFile
import TestSupport
import Testing

/// `topologies/schema.json` and the tables of docs/topologies.md are made of the sections' keys. With
/// `MURMUR_WRITE_TOPOLOGY_DOCS` in the environment they are written anew: `scripts/make-topology-docs`.
@Suite struct DocumentedKeysTests {
    static let writes = ProcessInfo.processInfo.environment["MURMUR_WRITE_TOPOLOGY_DOCS"] != nil

    static func url(_ path: String) -> URL { SharedData.projectRoot.appendingPathComponent(path) }

    @Test func theSchemaIsThatOfTheKeys() throws {
        let made = SwarmTopology.schema.encoded(indented: true)
        if Self.writes { try Data(made).write(to: Self.url("topologies/schema.json")) }
        let found = try Data(contentsOf: Self.url("topologies/schema.json"))
        #expect(Array(found) == made, "topologies/schema.json is stale; scripts/make-topology-docs writes it")
    }

    @Test func theTablesAreThoseOfTheKeys() throws {
        let page = try String(contentsOf: Self.url("docs/topologies.md"), encoding: .utf8)
        var made = page
        for (name, keys) in SwarmTopology.sections {
            let parts = made.components(separatedBy: Self.mark(name))
            try #require(parts.count == 2, "docs/topologies.md has one place for the keys of \(name)")
            let rest = try #require(parts[1].range(of: Self.end), "the table of \(name) has an end")
            made = parts[0] + Self.mark(name) + Self.table(keys) + parts[1][rest.lowerBound...]
        }
        if Self.writes { try Data(made.utf8).write(to: Self.url("docs/topologies.md")) }
        #expect(
            page == made || Self.writes, "docs/topologies.md is stale; scripts/make-topology-docs writes its tables")
    }

    static func mark(_ section: String) -> String { "<!-- \(section): made by scripts/make-topology-docs -->\n" }
    static let end = "<!-- end -->"

    static func table(_ keys: [KeyDescription]) -> String {
        "\n| key | values | default | shared | meaning |\n|---|---|---|---|---|\n"
            + rows(keys, prefix: "").joined(separator: "\n") + "\n\n"
    }

    /// The rows of the keys; those of a section within the section bear its name.
    static func rows(_ keys: [KeyDescription], prefix: String) -> [String] {
        keys.flatMap { key in
            guard key.nested.isEmpty else { return rows(key.nested, prefix: "\(prefix)\(key.name).") }
            let fallback =
                if case .value(let text, _) = key.fallback { "`\(text.replacing("\"", with: ""))`" } else {
                    key.fallback.text
                }
            let meaning = key.details.isEmpty ? key.help : "\(key.help) \(key.details)"
            return [
                "| `\(prefix)\(key.name)` | \(key.values) | \(fallback) | \(key.isShared ? "yes" : "") | \(meaning) |"
            ]
        }
    }
}
