import Adapters
package import Storage

extension SwarmTopology {
    /// What JSON Schema says of topology files: `topologies/schema.json`, for editors.
    package static var schema: JSONValue {
        func object(_ members: (String, JSONValue)...) -> JSONValue { .object(JSONObject(members)) }
        let peers = object(
            ("type", .text("array")), ("minItems", .integer(2)), ("maxItems", .integer(maximumPeers)),
            ("items", .object(PeerEntry.schema)))
        let sections: [(String, JSONValue)] = [
            (
                "murmuration",
                object(
                    ("const", .integer(formatVersion)), ("description", .text("The version of the file format.")))
            ),
            ("swarm", .object(Swarm.schema)), ("model", .object(Model.schema)), ("tuning", .object(Tuning.schema)),
            ("data", .object(Data.schema)), ("exchange", .object(Exchange.schema)), ("graph", .object(Graph.schema)),
            ("peers", object(("oneOf", .array([.object(CountedPeers.schema), peers])))),
        ]
        return object(
            ("$schema", .text("https://json-schema.org/draft/2020-12/schema")),
            ("title", .text("Murmuration topology file")),
            (
                "description",
                .text(
                    "A swarm: what is tuned, on what, how it is exchanged, and who is connected to whom. "
                        + "docs/topologies.md explains every key.")
            ),
            ("type", .text("object")), ("additionalProperties", .bool(false)),
            ("required", .array(["murmuration", "swarm", "model", "peers"].map(JSONValue.text))),
            ("properties", .object(JSONObject(sections))), ("$defs", .object(definitions)))
    }

    /// The kinds of text that several keys take.
    private static var definitions: JSONObject {
        func text(_ pattern: String, longest: Int? = nil) -> JSONValue {
            let length = longest.map { [("maxLength", JSONValue.integer($0))] } ?? []
            return .object(JSONObject([("type", .text("string"))] + length + [("pattern", .text(pattern))]))
        }
        let projections = LoRAConfiguration.Target.allCases.map(\.rawValue).joined(separator: "|")
        return JSONObject([
            ("module", text("^([A-Za-z0-9_]+\\.)*(\(projections))$", longest: 512)),
            ("name", text("^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$")),
            ("key", text("^[0-9A-Fa-f]{64}$")),
            ("source", text("^(builtin:chores|.*\\.jsonl?)$")),
        ])
    }

    /// The sections with their keys, as docs/topologies.md has them; `peers` in both forms.
    package static var sections: [(name: String, keys: [KeyDescription])] {
        func keys<Section: KeyedSection>(_: Section.Type) -> [KeyDescription] { Section.keys.map(\.description) }
        return [
            ("swarm", keys(Swarm.self)), ("model", keys(Model.self)), ("tuning", keys(Tuning.self)),
            ("data", keys(Data.self)), ("exchange", keys(Exchange.self)), ("graph", keys(Graph.self)),
            ("peers, counted", keys(CountedPeers.self)), ("peers, listed", keys(PeerEntry.self)),
        ]
    }
}
