import Adapters
package import Storage

extension SwarmTopology {
    /// What JSON Schema says of topology files: `topologies/schema.json`, for editors.
    package static var schema: JSONValue {
        let peers: JSONValue = [
            "type": "array", "minItems": 2, "maxItems": .integer(maximumPeers), "items": .object(PeerEntry.schema),
        ]
        var properties: [(String, JSONValue)] = [
            ("murmuration", ["const": .integer(formatVersion), "description": "The version of the file format."]),
            ("swarm", .object(Swarm.schema)), ("model", .object(Model.schema)), ("tuning", .object(Tuning.schema)),
            ("data", .object(Data.schema)), ("exchange", .object(Exchange.schema)), ("graph", .object(Graph.schema)),
            ("peers", ["oneOf": [.object(CountedPeers.schema), peers]]),
        ]
        properties += Completion.keys.map { ($0.name, .object($0.description.schema)) }
        return [
            "$schema": "https://json-schema.org/draft/2020-12/schema",
            "title": "Murmuration topology file",
            "description": .text(
                "A swarm: what is tuned, on what, how it is exchanged, and who is connected to whom. "
                    + "docs/topologies.md explains every key."),
            "type": "object", "additionalProperties": false, "required": ["murmuration", "swarm", "model", "peers"],
            "properties": .object(JSONObject(properties)),
            "$defs": definitions,
        ]
    }

    /// The kinds of text that several keys take.
    private static var definitions: JSONValue {
        let path = ".*/|.*\\.(jsonl?|csv|tsv)(\\.gz)?"
        let projections = LoRAConfiguration.Target.allCases.map(\.rawValue).joined(separator: "|")
        return [
            "module": [
                "type": "string", "maxLength": 512, "pattern": .text("^([A-Za-z0-9_]+\\.)*(\(projections))$"),
            ],
            "name": ["type": "string", "pattern": "^[A-Za-z0-9_-][A-Za-z0-9._-]{0,63}$"],
            "key": ["type": "string", "pattern": "^[0-9A-Fa-f]{64}$"],
            "source": [
                "oneOf": [
                    ["type": "string", "pattern": .text("^(builtin:chores|\(path))$")],
                    [
                        "type": "array", "minItems": 1, "maxItems": 10_000, "uniqueItems": true,
                        "items": ["type": "string", "pattern": .text("^(\(path))$")],
                    ],
                ]
            ],
        ]
    }

    /// The sections with their keys, as docs/topologies.md has them; `peers` in both forms.
    package static var sections: [(name: String, keys: [KeyDescription])] {
        func keys<Section: KeyedSection>(_: Section.Type) -> [KeyDescription] { Section.keys.map(\.description) }
        return [
            ("the top", keys(Completion.self)), ("trainer", keys(TrainerCommand.self)), ("swarm", keys(Swarm.self)),
            ("model", keys(Model.self)),
            ("tuning", keys(Tuning.self)),
            ("data", keys(Data.self)), ("exchange", keys(Exchange.self)), ("graph", keys(Graph.self)),
            ("peers, counted", keys(CountedPeers.self)), ("peers, listed", keys(PeerEntry.self)),
        ]
    }
}
