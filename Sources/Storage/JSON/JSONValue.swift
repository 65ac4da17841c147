import Basics

/// A JSON document (RFC 8259) as a value.
///
/// Strings and keys are raw UTF-8 bytes: Swift's `String` compares by canonical equivalence, which would make two
/// different vocabulary entries or tensor names equal.
package enum JSONValue: Sendable, Equatable {
    case null
    case bool(Bool)
    /// A number written without fraction and exponent that fits 64 bits.
    case integer(Int)
    /// Any other number; always finite when it was parsed.
    case number(Double)
    /// The unescaped, valid UTF-8 bytes of a string.
    case string([UInt8])
    case array([JSONValue])
    indirect case object(JSONObject)

    /// A string value of `text`.
    package static func text(_ text: String) -> JSONValue { .string(Array(text.utf8)) }

    /// The string's bytes, when this is a string.
    package var bytes: [UInt8]? {
        if case .string(let bytes) = self { bytes } else { nil }
    }

    /// The string, when this is a string. Compare `bytes`, not this, where names are identities.
    package var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    /// The truth value, when this is one.
    package var bool: Bool? {
        if case .bool(let flag) = self { flag } else { nil }
    }

    /// The whole number, when this is one; 16.0 counts as 16.
    package var int: Int? {
        switch self {
        case .integer(let value): value
        case .number(let value): Int(exactly: value)
        default: nil
        }
    }

    /// The number, when this is one.
    package var double: Double? {
        switch self {
        case .integer(let value): Double(value)
        case .number(let value): value
        default: nil
        }
    }

    /// The elements, when this is an array.
    package var array: [JSONValue]? {
        if case .array(let elements) = self { elements } else { nil }
    }

    /// The members, when this is an object.
    package var object: JSONObject? {
        if case .object(let object) = self { object } else { nil }
    }

    /// Whether this is `null`.
    package var isNull: Bool { self == .null }

    /// The member called `key` of an object; nil for other values and when there is none.
    package subscript(key: String) -> JSONValue? { object?[key] }

    /// What kind of value this is, for messages.
    package var kind: String {
        switch self {
        case .null: "null"
        case .bool: "a truth value"
        case .integer, .number: "a number"
        case .string: "a string"
        case .array: "an array"
        case .object: "an object"
        }
    }
}

/// The members of a JSON object in the order of the document, with unique keys.
package struct JSONObject: Sendable, Equatable {
    /// The keys' UTF-8 bytes, in order.
    package private(set) var keys: [[UInt8]] = []
    /// The values, in the order of the keys.
    package private(set) var values: [JSONValue] = []
    // Only objects with more than `linearLimit` members have an index: most are small, and a vocabulary is not.
    private var index: [[UInt8]: Int] = [:]

    private static let linearLimit = 8

    /// An object without members.
    package init() {}

    /// An object of the given members, whose keys must differ.
    package init(_ members: [(String, JSONValue)]) {
        for (key, value) in members {
            let isNew = append(key: Array(key.utf8), value: value)
            precondition(isNew, "the keys of an object differ")
        }
    }

    package var count: Int { keys.count }

    /// The value of the member with these key bytes.
    package subscript(bytes key: [UInt8]) -> JSONValue? {
        position(of: key).map { values[$0] }
    }

    /// The value of the member called `key`.
    package subscript(key: String) -> JSONValue? { self[bytes: Array(key.utf8)] }

    /// Adds a member at the end; false, and no change, when the key is taken.
    package mutating func append(key: [UInt8], value: JSONValue) -> Bool {
        guard position(of: key) == nil else { return false }
        if keys.count >= Self.linearLimit {
            if index.isEmpty {
                for (position, known) in keys.enumerated() { index[known] = position }
            }
            index[key] = keys.count
        }
        keys.append(key)
        values.append(value)
        return true
    }

    private func position(of key: [UInt8]) -> Int? {
        keys.count <= Self.linearLimit ? keys.firstIndex(of: key) : index[key]
    }

    package static func == (left: JSONObject, right: JSONObject) -> Bool {
        left.keys == right.keys && left.values == right.values
    }
}

extension JSONValue {
    /// The document as UTF-8 text. Members keep their order. A number that JSON does not have, NaN or an infinity, becomes
    /// null: who writes one and means to say more writes a text instead.
    ///
    /// - Parameter indented: whether to break lines and indent by two spaces, and end with a line feed.
    package func encoded(indented: Bool = false) -> [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes, indentation: indented ? 0 : nil)
        if indented { bytes.append(0x0a) }
        return bytes
    }

    private func write(to bytes: inout [UInt8], indentation: Int?) {
        switch self {
        case .null: bytes.append(contentsOf: "null".utf8)
        case .bool(let flag): bytes.append(contentsOf: (flag ? "true" : "false").utf8)
        case .integer(let value): bytes.append(contentsOf: String(value).utf8)
        case .number(let value):
            bytes.append(contentsOf: (value.isFinite ? value.description : "null").utf8)
        case .string(let text): Self.write(string: text, to: &bytes)
        case .array(let elements):
            Self.write(open: "[", close: "]", count: elements.count, to: &bytes, indentation: indentation) {
                elements[$0].write(to: &$1, indentation: $2)
            }
        case .object(let object):
            Self.write(open: "{", close: "}", count: object.count, to: &bytes, indentation: indentation) {
                Self.write(string: object.keys[$0], to: &$1)
                $1.append(contentsOf: ($2 == nil ? ":" : ": ").utf8)
                object.values[$0].write(to: &$1, indentation: $2)
            }
        }
    }

    private static func write(
        open: String, close: String, count: Int, to bytes: inout [UInt8], indentation: Int?,
        element: (Int, inout [UInt8], Int?) -> Void
    ) {
        func breakLine(_ levels: Int, _ bytes: inout [UInt8]) {
            bytes.append(0x0a)
            bytes.append(contentsOf: repeatElement(0x20, count: 2 * levels))
        }
        bytes.append(contentsOf: open.utf8)
        for index in 0..<count {
            if index > 0 { bytes.append(UInt8(ascii: ",")) }
            if let indentation { breakLine(indentation + 1, &bytes) }
            element(index, &bytes, indentation.map { $0 + 1 })
        }
        if let indentation, count > 0 { breakLine(indentation, &bytes) }
        bytes.append(contentsOf: close.utf8)
    }

    private static func write(string: [UInt8], to bytes: inout [UInt8]) {
        let hexadecimal = Array("0123456789abcdef".utf8)
        bytes.append(UInt8(ascii: "\""))
        for byte in string {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0a: bytes.append(contentsOf: "\\n".utf8)
            case 0x0d: bytes.append(contentsOf: "\\r".utf8)
            case 0x09: bytes.append(contentsOf: "\\t".utf8)
            case ..<0x20:
                bytes.append(contentsOf: "\\u00".utf8)
                bytes.append(hexadecimal[Int(byte >> 4)])
                bytes.append(hexadecimal[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }
}
