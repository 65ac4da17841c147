import Storage

/// How values of a kind are read and written, and what is said of them.
package struct ValueFormat<Value: Sendable & Equatable>: Sendable {
    /// Which values are allowed, in words.
    let values: String
    /// The same for JSON Schema.
    let schema: JSONObject
    /// How a command line gives the value.
    var argument = ArgumentForm.word
    /// The keys of a section within a section.
    var nested: [KeyDescription] = []
    /// Reads a value. Throws a `TopologyError` with its place for one that is not allowed.
    let read: @Sendable (TopologyValue) throws -> Value
    /// The value as YAML text on one line; nil where it is said by the key's absence.
    let write: @Sendable (Value) -> String?
    /// The value as JSON, for the schema's defaults; nil for none.
    let json: @Sendable (Value) -> JSONValue?
}

extension ValueFormat {
    /// A value of `format`, or none, which is said by the key's absence.
    package static func optional<Wrapped>(_ format: ValueFormat<Wrapped>) -> ValueFormat where Value == Wrapped? {
        ValueFormat(
            values: format.values, schema: format.schema, argument: format.argument, nested: format.nested,
            read: { try format.read($0) }, write: { $0.flatMap(format.write) }, json: { $0.flatMap(format.json) })
    }
}

extension ValueFormat where Value: KeyedSection {
    /// A section within the section.
    package static var section: ValueFormat {
        ValueFormat(
            values: "a section", schema: Value.schema, nested: Value.keys.map(\.description),
            read: { try Value.read($0) }, write: { $0.braced }, json: { _ in nil })
    }
}

extension ValueFormat where Value == Int {
    /// A whole number within `range`.
    package static func integer(_ range: ClosedRange<Int>) -> ValueFormat {
        ValueFormat(
            values: "\(range.lowerBound) to \(range.upperBound)",
            schema: JSONObject([
                ("type", .text("integer")), ("minimum", .integer(range.lowerBound)),
                ("maximum", .integer(range.upperBound)),
            ]),
            read: { try $0.integer(in: range) }, write: { "\($0)" }, json: { .integer($0) })
    }
}

extension ValueFormat where Value == UInt64 {
    /// A whole number of 64 bits without sign.
    package static var seed: ValueFormat {
        // JSON numbers are doubles here: 2⁶⁴ is one, the greatest seed is not.
        ValueFormat(
            values: "0 to 2⁶⁴ − 1",
            schema: JSONObject([
                ("type", .text("integer")), ("minimum", .integer(0)), ("exclusiveMaximum", .number(0x1p64)),
            ]),
            read: { try $0.seed() }, write: { "\($0)" }, json: { .integer(Int(clamping: $0)) })
    }
}

extension ValueFormat where Value == Double {
    /// A number from `range`, with its ends.
    package static func number(_ range: ClosedRange<Double>) -> ValueFormat {
        number(
            "\(text(range.lowerBound)) to \(text(range.upperBound))", "minimum", range.lowerBound, "maximum",
            range.upperBound
        ) { range.contains($0) }
    }

    /// A number from `range`, without its upper end.
    package static func number(_ range: Range<Double>) -> ValueFormat {
        number(
            "\(text(range.lowerBound)) to below \(text(range.upperBound))", "minimum", range.lowerBound,
            "exclusiveMaximum", range.upperBound
        ) { range.contains($0) }
    }

    /// A number above `lower`, up to `upper`; `unit` is what it counts.
    package static func number(above lower: Double, to upper: Double, unit: String? = nil) -> ValueFormat {
        number(
            (unit.map { "\($0) " } ?? "") + "above \(text(lower)), at most \(text(upper))", "exclusiveMinimum", lower,
            "maximum", upper
        ) { $0 > lower && $0 <= upper }
    }

    private static func number(
        _ values: String, _ lowerWord: String, _ lower: Double, _ upperWord: String, _ upper: Double,
        allows: @Sendable @escaping (Double) -> Bool
    ) -> ValueFormat {
        ValueFormat(
            values: values,
            schema: JSONObject([("type", .text("number")), (lowerWord, json(lower)), (upperWord, json(upper))]),
            read: { try $0.number("\(values) is allowed", where: allows) }, write: { text($0) }, json: { json($0) })
    }

    private static func json(_ value: Double) -> JSONValue {
        Int(exactly: value).map { .integer($0) } ?? .number(value)
    }

    /// The number as people write it: 16, 0.05, 3e-4. Reading it gives the same value.
    static func text(_ value: Double) -> String {
        let plain = "\(value)"
        guard value.isFinite, value != 0, abs(value) < 0.01 else {
            return plain.hasSuffix(".0") ? String(plain.dropLast(2)) : plain
        }
        // Swift gives the fewest digits that mean the value, `0.0003` or `1.5e-05`; only their form changes.
        let parts = "\(abs(value))".split(separator: "e")
        let all = parts[0].filter { $0 != "." }
        let digits = all.drop { $0 == "0" }
        let place = parts[0].prefix { $0 != "." }.count - (all.count - digits.count)
        let exponent = (parts.count > 1 ? Int(parts[1]) ?? 0 : 0) + place - 1
        var rest = digits.dropFirst()
        while rest.last == "0" { rest.removeLast() }
        return (value < 0 ? "-" : "") + digits.prefix(1) + (rest.isEmpty ? "" : "." + rest) + "e\(exponent)"
    }
}

extension ValueFormat where Value == Bool {
    /// `true` or `false`.
    package static var flag: ValueFormat {
        ValueFormat(
            values: "true, false", schema: JSONObject([("type", .text("boolean"))]), argument: .flag,
            read: { try $0.flag() }, write: { "\($0)" }, json: { .bool($0) })
    }
}

extension ValueFormat where Value: CaseIterable & RawRepresentable, Value.RawValue == String {
    /// One of the cases by its raw value; `planned` are values that the format knows and this version refuses.
    package static func choice(planned: [String] = []) -> ValueFormat {
        let known = Value.allCases.map(\.rawValue)
        return ValueFormat(
            values: known.joined(separator: ", "), schema: JSONObject([("enum", .array(known.map(JSONValue.text)))]),
            read: { try $0.choice(Value.self, planned: planned) }, write: { $0.rawValue }, json: { .text($0.rawValue) })
    }
}

extension ValueFormat where Value == String {
    /// Any text.
    package static func text(_ values: String) -> ValueFormat {
        text(values, schema: JSONObject([("type", .text("string")), ("minLength", .integer(1))])) { try $0.text() }
    }

    /// A name that can be part of a file's name.
    package static var name: ValueFormat {
        text("a name", schema: JSONObject([("$ref", .text("#/$defs/name"))])) { try $0.name() }
    }

    /// Text that `read` allows.
    static func text(
        _ values: String, schema: JSONObject, read: @Sendable @escaping (TopologyValue) throws -> String
    ) -> ValueFormat {
        ValueFormat(values: values, schema: schema, read: read, write: TopologyValue.quoted, json: { .text($0) })
    }
}
