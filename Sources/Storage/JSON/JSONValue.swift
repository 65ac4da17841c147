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
