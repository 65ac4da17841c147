package import Storage

extension KeyedSection {
    /// The section that stands at `value`: `start` with what the file gives. An unknown key is refused.
    static func read(_ value: TopologyValue, start: Self = .defaults) throws -> Self {
        try read(value.section(keys: keys.map(\.name)), start: start)
    }

    /// The section whose known keys are `place`: `start` with what the file gives.
    static func read(_ place: TopologySection, start: Self = .defaults) throws -> Self {
        var section = start
        for key in keys { try key.read(place, into: &section) }
        return section
    }

    private var fields: [String] { Self.keys.compactMap { key in key.written(of: self).map { "\(key.name): \($0)" } } }

    /// The section in braces.
    var braced: String { "{ \(fields.joined(separator: ", ")) }" }

    /// The section with a line for each key.
    func lines(name: String) -> [String] { ["\(name):"] + fields.map { "  " + $0 } }

    /// What is wrong with a section that no file gave, in a sentence that begins with its key; nil when nothing is.
    package var fault: String? {
        do {
            _ = try Self.read(TopologyValue.root(of: braced, file: "topology"))
            return nil
        } catch let error as TopologyError {
            return "\(error.key ?? error.file): \(error.problem)"
        } catch {
            return "\(error)"
        }
    }

    /// What JSON Schema says of the section.
    package static var schema: JSONObject {
        let keys = keys.map(\.description)
        var members: [(String, JSONValue)] = [("type", .text("object")), ("additionalProperties", .bool(false))]
        let required = keys.filter { $0.fallback == nil }.map { JSONValue.text($0.name) }
        if !required.isEmpty { members.append(("required", .array(required))) }
        members.append(("properties", .object(JSONObject(keys.map { ($0.name, .object($0.schema)) }))))
        return JSONObject(members)
    }
}
