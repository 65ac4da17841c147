import Storage

extension SwarmTopology.Data {
    /// `data.fields:` the names under which the source's records have their parts, where these are not the usual ones.
    package struct Fields: KeyedSection, Hashable {
        package var instruction: String?
        package var context: String?
        package var response: String?
        package var category: String?
        /// A list of turns, which stands for all the rest but the category.
        package var messages: String?

        package init() {}

        package static let defaults = Fields()
        package static let keys: [SectionKey<Self>] = [
            .shared("instruction", \.instruction, .optional(.field), "The field with what is asked."),
            .shared("context", \.context, .optional(.field), "The field with what the instruction speaks about."),
            .shared("response", \.response, .optional(.field), "The field with the answer."),
            .shared("category", \.category, .optional(.field), "The field with the kind of task."),
            .shared(
                "messages", \.messages, .optional(.field), "The field with the turns of a conversation.",
                "In place of `instruction`, `context` and `response`."),
        ]

        /// Whether no name is another than usual.
        package var isEmpty: Bool { self == Fields() }

        /// The names that are given, in the order of the keys.
        package var names: [String] { [instruction, context, response, category, messages].compactMap { $0 } }

        /// What is wrong with the names together, in a sentence; nil for nothing.
        fileprivate var conflict: String? {
            if let twice = names.first(where: { name in names.count { $0 == name } > 1 }) {
                return "\"\(twice)\" is named for two parts of a record"
            }
            guard messages != nil, instruction ?? context ?? response != nil else { return nil }
            return "messages holds a whole conversation; give it, or instruction, context and response"
        }
    }
}

extension ValueFormat where Value == SwarmTopology.Data.Fields {
    /// The section, which is not written where it is empty; `instruction=question,response=answer` on a command line.
    static var fields: ValueFormat {
        ValueFormat(
            values: "parts of a record with the names of their fields", schema: Value.schema, argument: .pairs,
            nested: Value.keys.map(\.description),
            read: { place in
                let fields = try Value.read(place)
                if let conflict = fields.conflict { throw place.error(conflict) }
                return fields
            },
            write: { $0.isEmpty ? nil : $0.braced }, json: { _ in nil })
    }
}

extension ValueFormat where Value == String {
    fileprivate static var field: ValueFormat { text("a field's name") }
}
