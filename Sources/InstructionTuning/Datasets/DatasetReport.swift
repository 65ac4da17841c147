package import Storage

/// What was found in a file of instructions.
package struct DatasetReport: Sendable, Equatable {
    /// How the records stand in the file.
    package enum Layout: String, Sendable, Hashable {
        /// One JSON array of objects.
        case array = "JSON array"
        /// One JSON object a line.
        case lines = "JSON Lines"
        /// In no file: made from a seed.
        case builtIn = "built in"
    }

    /// One record that was left out.
    package struct Skipped: Sendable, Hashable {
        /// The line that the record begins at, counted from one.
        package var line: Int
        /// What is wrong with it.
        package var reason: String
    }

    /// How many skipped records are kept with line and reason; the rest is only counted.
    package static let skippedLimit = 100

    package var path: String
    /// How the records stand in it.
    package var layout: Layout
    /// The number of instruction records; an object with several instances gives several.
    package var records = 0
    /// Records by category; the empty name stands for records without one.
    package var categories: [String: Int] = [:]
    /// In how many objects each field of known meaning occurs.
    package var fields: [String: Int] = [:]
    /// In how many objects each field without meaning here occurs.
    package var unknownFields: [String: Int] = [:]
    /// Records whose answer is empty: they teach nothing but to end.
    package var emptyResponses = 0
    /// The number of records left out.
    package var skippedCount = 0
    /// The first of them, at most `skippedLimit`.
    package var skipped: [Skipped] = []

    package init(path: String, layout: Layout) {
        self.path = path
        self.layout = layout
    }

    /// The report of built-in records that are called `name`.
    package init(of records: [InstructionRecord], builtIn name: String) {
        self.init(path: name, layout: .builtIn)
        self.records = records.count
        for record in records {
            categories[record.category, default: 0] += 1
            if record.response.isEmpty { emptyResponses += 1 }
        }
        fields = ["instruction": records.count, "response": records.count, "category": records.count]
        fields["context"] = records.count { !$0.context.isEmpty }
    }

    /// The categories by the bytes of their names, with their counts.
    package var orderedCategories: [(name: String, count: Int)] { categories.inByteOrder }

    /// The report in a few lines for people.
    package var description: String {
        func list(_ counts: [String: Int]) -> String {
            counts.inByteOrder.map { "\($0.name.isEmpty ? "(none)" : $0.name) \($0.count)" }.joined(separator: ", ")
        }
        var lines = ["\(path): \(records) records, \(layout.rawValue)", "categories: \(list(categories))"]
        lines.append("fields: \(list(fields))")
        if !unknownFields.isEmpty { lines.append("fields not used: \(list(unknownFields))") }
        if emptyResponses > 0 { lines.append("records with an empty answer: \(emptyResponses)") }
        if skippedCount > 0 { lines.append("records skipped: \(skippedCount)") }
        for record in skipped.prefix(10) { lines.append("  line \(record.line): \(record.reason)") }
        return lines.joined(separator: "\n")
    }
}

extension Dictionary where Key == String, Value == Int {
    /// The entries ordered by the bytes of their names: the same in every process.
    var inByteOrder: [(name: String, count: Int)] {
        sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }.map { (name: $0.key, count: $0.value) }
    }
}

extension DatasetReport {
    /// The report for `--json`, its keys always in the same order.
    package var json: JSONValue {
        func counts(_ dictionary: [String: Int]) -> JSONValue {
            .object(JSONObject(dictionary.inByteOrder.map { ($0.name, .integer($0.count)) }))
        }
        let places = skipped.map { record in
            JSONValue.object(JSONObject([("line", .integer(record.line)), ("reason", .text(record.reason))]))
        }
        return .object(
            JSONObject([
                ("path", .text(path)), ("layout", .text(layout.rawValue)), ("records", .integer(records)),
                ("categories", counts(categories)), ("fields", counts(fields)),
                ("unknown_fields", counts(unknownFields)), ("empty_responses", .integer(emptyResponses)),
                ("skipped_count", .integer(skippedCount)), ("skipped", .array(places)),
            ]))
    }
}
