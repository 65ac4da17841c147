package import Storage

/// A section of a topology file whose keys are declared once, in `keys`: from these are made the reader, the writer,
/// `topologies/schema.json`, the tables of `docs/topologies.md` and the options of `murmur tune`.
///
/// A new key is a property with its default and a line in `keys`; `scripts/make-topology-docs` writes schema and tables.
package protocol KeyedSection: Sendable, Equatable {
    /// The section of a file that gives none of its keys; what a required key holds then is never seen.
    static var defaults: Self { get }
    /// The keys in the order in which they are read and written: a key may depend on those before it.
    static var keys: [SectionKey<Self>] { get }
}

/// What holds where a file does not give a key.
package enum KeyDefault: Sendable, Equatable {
    /// Nothing: every file gives it.
    case required
    /// The value that the file would give as this text; `json` for the schema, nil for a whole section.
    case value(String, json: JSONValue?)
    /// What these words say.
    case words(String)

    /// For people.
    package var text: String {
        switch self {
        case .required: "required"
        case .value(let text, _), .words(let text): text
        }
    }
}

/// What is said of a key.
package struct KeyDescription: Sendable {
    /// As the file has it, `learning-rate`.
    package let name: String
    /// What it means, a line.
    package let help: String
    /// Further sentences, for the page and for editors.
    package let details: String
    /// Which values are allowed, in words: `1 to 1024`.
    package let values: String
    /// What holds where the file does not give the key.
    package internal(set) var fallback: KeyDefault
    /// Whether all peers of a swarm must give the same value: what they send each other depends on it.
    package let isShared: Bool
    /// Whether a command line gives the value as one word, as a switch, or as a list.
    package let argument: ArgumentForm
    /// The keys of a section within the section.
    package let nested: [KeyDescription]
    /// What JSON Schema says of the values.
    let valueSchema: JSONObject

    /// What JSON Schema says of the key.
    package var schema: JSONObject {
        var members = zip(valueSchema.keys, valueSchema.values).map { (String(decoding: $0, as: UTF8.self), $1) }
        if case .value(_, let json?) = fallback { members.append(("default", json)) }
        let text = details.isEmpty ? help : "\(help) \(details)"
        return JSONObject(members + [("description", .text(text.replacing("`", with: "")))])
    }
}

/// A key of the section `Section`: what is said of it, and how its value gets from the text into the section and back.
///
///     .local("batch", \.batch, .integer(1...65_536), "Records a step.")
package struct SectionKey<Section: KeyedSection>: Sendable {
    /// What is said of the key.
    package private(set) var description: KeyDescription
    private let set: @Sendable (TopologyValue, inout Section) throws -> Void
    private let text: @Sendable (Section) -> String?
    private var fill: (@Sendable (inout Section) -> Void)?
    private var condition: (words: String, holds: @Sendable (Section) -> Bool)?

    /// The key's name.
    package var name: String { description.name }

    /// A key that all peers of a swarm give the same value.
    package static func shared<Value>(
        _ name: String, _ path: any WritableKeyPath<Section, Value> & Sendable, _ format: ValueFormat<Value>,
        _ help: String, _ details: String = ""
    ) -> SectionKey {
        SectionKey(name, path, format, help, details, isShared: true)
    }

    /// A key that every peer can set by itself.
    package static func local<Value>(
        _ name: String, _ path: any WritableKeyPath<Section, Value> & Sendable, _ format: ValueFormat<Value>,
        _ help: String, _ details: String = ""
    ) -> SectionKey {
        SectionKey(name, path, format, help, details, isShared: false)
    }

    private init<Value>(
        _ name: String, _ path: any WritableKeyPath<Section, Value> & Sendable, _ format: ValueFormat<Value>,
        _ help: String, _ details: String, isShared: Bool
    ) {
        let value = Section.defaults[keyPath: path]
        description = KeyDescription(
            name: name, help: help, details: details, values: format.values,
            fallback: format.write(value).map { .value($0, json: format.json(value)) } ?? .words("none"),
            isShared: isShared, argument: format.argument, nested: format.nested,
            valueSchema: format.schema)
        set = { value, section in section[keyPath: path] = try format.read(value) }
        text = { section in format.write(section[keyPath: path]) }
    }

    /// A key that is only described here; the section's own code reads and writes it.
    package static func described(
        _ name: String, _ values: String, _ help: String, _ details: String = "", schema: JSONObject
    ) -> SectionKey {
        SectionKey(
            description: KeyDescription(
                name: name, help: help, details: details, values: values, fallback: .words("none"), isShared: true,
                argument: .word, nested: [], valueSchema: schema),
            set: { _, _ in }, text: { _ in nil })
    }

    private init(
        description: KeyDescription, set: @Sendable @escaping (TopologyValue, inout Section) throws -> Void,
        text: @Sendable @escaping (Section) -> String?
    ) {
        self.description = description
        self.set = set
        self.text = text
    }

    /// The key, which every file has to give.
    package func required() -> SectionKey {
        var key = self
        key.description.fallback = .required
        return key
    }

    /// The key with other words for what holds where the file does not give it, and what is done then.
    package func otherwise(_ words: String, _ fill: (@Sendable (inout Section) -> Void)? = nil) -> SectionKey {
        var key = required()
        key.description.fallback = .words(words)
        key.fill = fill
        return key
    }

    /// The key, which only sections have for which `holds` is true; `words` say which ones these are.
    package func only(for words: String, _ holds: @Sendable @escaping (Section) -> Bool) -> SectionKey {
        var key = self
        key.condition = (words, holds)
        return key
    }
}

extension SectionKey {
    /// Reads the key's value of `place` into `section`.
    func read(_ place: TopologySection, into section: inout Section) throws {
        let value = description.fallback == .required ? try place.required(name) : place[name]
        guard let value else {
            fill?(&section)
            return
        }
        if let condition, !condition.holds(section) { throw value.error("\(name) is for \(condition.words)") }
        try set(value, &section)
    }

    /// Reads the text that a command line gives for the option `--name`.
    package func read(argument: String, into section: inout Section) throws {
        let value = try TopologyValue(argument: argument, form: description.argument, option: "--\(name)")
        try set(value, &section)
    }

    /// Throws for a key that the command line gives beside others with which it has no meaning.
    package func check(argument: String, in section: Section) throws {
        guard let condition, !condition.holds(section) else { return }
        let value = try TopologyValue(argument: argument, form: description.argument, option: "--\(name)")
        throw value.error("\(name) is for \(condition.words)")
    }

    /// Gives a key that the command line does not give the value that follows from the keys before it.
    package func complete(_ section: inout Section) { fill?(&section) }

    /// The value as the file has it; nil where it is not written.
    func written(of section: Section) -> String? {
        if let condition, !condition.holds(section) { return nil }
        return text(section)
    }
}
