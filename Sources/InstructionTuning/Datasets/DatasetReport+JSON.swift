package import Storage

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
