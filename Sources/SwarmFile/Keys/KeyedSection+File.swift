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

    /// The keys as lines at the top of the file.
    var topLines: [String] { fields }

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
        var members: [(String, JSONValue)] = [("type", "object"), ("additionalProperties", false)]
        let required = keys.filter { $0.fallback == .required }.map { JSONValue.text($0.name) }
        if !required.isEmpty { members.append(("required", .array(required))) }
        members.append(("properties", .object(JSONObject(keys.map { ($0.name, .object($0.schema)) }))))
        return JSONObject(members)
    }
}

// Schemas are written as they look: `["type": "integer", "minimum": 2]`.

extension JSONValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral,
    ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    package init(stringLiteral text: String) { self = .text(text) }
    package init(integerLiteral value: Int) { self = .integer(value) }
    package init(booleanLiteral flag: Bool) { self = .bool(flag) }
    package init(arrayLiteral elements: JSONValue...) { self = .array(elements) }
    package init(dictionaryLiteral members: (String, JSONValue)...) { self = .object(JSONObject(members)) }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    package init(dictionaryLiteral members: (String, JSONValue)...) { self.init(members) }
}
