package import Storage

/// What was found in a file of instructions.
package struct DatasetReport: Sendable, Equatable {
    /// How the records stand in the file.
    package enum Layout: String, Sendable, Hashable {
        /// One JSON array of objects.
        case array = "JSON array"
        /// One JSON object a line.
        case lines = "JSON Lines"
        /// A row a record: CSV or TSV.
        case table = "table"
        /// Several files, not all of one layout.
        case mixed = "several layouts"
        /// In no file: made from a seed.
        case builtIn = "built in"
    }

    /// One record that was left out.
    package struct Skipped: Sendable, Hashable {
        package var path: String
        /// The line that the record begins at, counted from one.
        package var line: Int
        /// Its number in the file, counted from one.
        package var record: Int
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
    /// Records with turns before the last question: a system turn, or earlier questions and answers.
    package var conversations = 0
    /// Records whose answer is empty: they teach nothing but to end.
    package var emptyResponses = 0
    /// The number of records left out.
    package var skippedCount = 0
    /// The first of them, at most `skippedLimit`.
    package var skipped: [Skipped] = []

    /// The reports of the files, where there are several.
    package var files: [DatasetReport] = []

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

    /// The report of several files together.
    init(of files: [DatasetReport]) {
        let layouts = Set(files.map(\.layout))
        self.init(
            path: files.map(\.path).joined(separator: ", "), layout: layouts.count == 1 ? files[0].layout : .mixed)
        for file in files {
            records += file.records
            categories.merge(file.categories, uniquingKeysWith: +)
            fields.merge(file.fields, uniquingKeysWith: +)
            unknownFields.merge(file.unknownFields, uniquingKeysWith: +)
            conversations += file.conversations
            emptyResponses += file.emptyResponses
            skippedCount += file.skippedCount
            skipped += file.skipped.prefix(Self.skippedLimit - skipped.count)
        }
        self.files = files
    }

    /// The categories by the bytes of their names, with their counts.
    package var orderedCategories: [(name: String, count: Int)] { categories.inByteOrder }

    /// The report in a few lines for people.
    package var description: String {
        func list(_ counts: [String: Int]) -> String {
            counts.inByteOrder.map { "\($0.name.isEmpty ? "(none)" : $0.name) \($0.count)" }.joined(separator: ", ")
        }
        var lines = files.map { "\($0.path): \($0.records) records, \($0.layout.rawValue)" }
        lines.append("\(files.isEmpty ? path : "together"): \(records) records, \(layout.rawValue)")
        lines.append("categories: \(list(categories))")
        lines.append("fields: \(list(fields))")
        if !unknownFields.isEmpty { lines.append("fields not used: \(list(unknownFields))") }
        if conversations > 0 { lines.append("conversations of several turns: \(conversations)") }
        if emptyResponses > 0 { lines.append("records with an empty answer: \(emptyResponses)") }
        if skippedCount > 0 { lines.append("records skipped: \(skippedCount)") }
        for record in skipped.prefix(10) {
            let place = files.isEmpty ? "line \(record.line)" : "\(record.path):\(record.line)"
            lines.append("  \(place), record \(record.record): \(record.reason)")
        }
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
            JSONValue.object(
                JSONObject([
                    ("path", .text(record.path)), ("line", .integer(record.line)), ("record", .integer(record.record)),
                    ("reason", .text(record.reason)),
                ]))
        }
        return .object(
            JSONObject([
                ("path", .text(path)), ("layout", .text(layout.rawValue)), ("records", .integer(records)),
                ("categories", counts(categories)), ("fields", counts(fields)),
                ("unknown_fields", counts(unknownFields)), ("conversations", .integer(conversations)),
                ("empty_responses", .integer(emptyResponses)),
                ("skipped_count", .integer(skippedCount)), ("skipped", .array(places)),
            ]))
    }
}
