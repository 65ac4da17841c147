import Basics

extension JSONValue {
    /// Parses a whole document strictly by RFC 8259; nothing but white space may follow the value.
    ///
    /// - Parameters:
    ///   - bytes: UTF-8 text without a byte order mark.
    ///   - depthLimit: how many arrays and objects may be open at once.
    /// - Throws: `JSONError`, also for an object with two members of one name.
    package static func parse(_ bytes: [UInt8], depthLimit: Int = 64) throws(JSONError) -> JSONValue {
        // Once for the whole document: every string in it is then valid as well.
        guard String(validating: bytes, as: UTF8.self) != nil else { throw .notUnicode }
        var parser = JSONParser(bytes: bytes, depthLimit: depthLimit)
        let value = try parser.value(depth: 0)
        parser.skipSpace()
        guard parser.position == bytes.count else {
            throw .unexpected(expected: "the end of the text", offset: parser.position)
        }
        return value
    }
}

/// A recursive-descent parser; recursion is bounded by `depthLimit`.
struct JSONParser {
    let bytes: [UInt8]
    let depthLimit: Int
    var position = 0

    init(bytes: [UInt8], depthLimit: Int) {
        self.bytes = bytes
        self.depthLimit = depthLimit
    }

    /// The byte at the position, or nil at the end.
    var next: UInt8? { position < bytes.count ? bytes[position] : nil }

    mutating func skipSpace() {
        while let byte = next, byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09 {
            position += 1
        }
    }

    mutating func value(depth: Int) throws(JSONError) -> JSONValue {
        skipSpace()
        guard let byte = next else { throw .endsEarly }
        switch byte {
        case UInt8(ascii: "{"): return .object(try object(depth: depth + 1))
        case UInt8(ascii: "["): return .array(try array(depth: depth + 1))
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): return try number()
        default:
            try refuseNotFinite(at: position)
            throw .unexpected(expected: "a value", offset: position)
        }
    }

    /// Names the numbers that other languages write and JSON does not have.
    private func refuseNotFinite(at offset: Int) throws(JSONError) {
        for word in ["NaN", "Infinity"] where bytes[offset...].starts(with: word.utf8) {
            throw .notFinite(word, offset: offset)
        }
    }

    /// Takes `byte` or fails with what was expected.
    mutating func take(_ byte: UInt8, _ expected: String) throws(JSONError) {
        guard let found = next else { throw .endsEarly }
        guard found == byte else { throw .unexpected(expected: expected, offset: position) }
        position += 1
    }

    private mutating func literal(_ word: StaticString, _ value: JSONValue) throws(JSONError) -> JSONValue {
        let start = position
        for byte in word.description.utf8 {
            guard let found = next else { throw .endsEarly }
            guard found == byte else { throw .unexpected(expected: "\(word)", offset: start) }
            position += 1
        }
        return value
    }

    private mutating func array(depth: Int) throws(JSONError) -> [JSONValue] {
        guard depth <= depthLimit else { throw .tooDeep(limit: depthLimit, offset: position) }
        position += 1
        var elements: [JSONValue] = []
        skipSpace()
        if next == UInt8(ascii: "]") {
            position += 1
            return elements
        }
        while true {
            elements.append(try value(depth: depth))
            skipSpace()
            if next == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try take(UInt8(ascii: "]"), "a comma or the end of the array")
            return elements
        }
    }

    private mutating func object(depth: Int) throws(JSONError) -> JSONObject {
        guard depth <= depthLimit else { throw .tooDeep(limit: depthLimit, offset: position) }
        position += 1
        var members = JSONObject()
        skipSpace()
        if next == UInt8(ascii: "}") {
            position += 1
            return members
        }
        while true {
            skipSpace()
            let start = position
            guard next == nil || next == UInt8(ascii: "\"") else {
                throw .unexpected(expected: "a key", offset: position)
            }
            let key = try string()
            skipSpace()
            try take(UInt8(ascii: ":"), "a colon")
            guard members.append(key: key, value: try value(depth: depth)) else {
                throw .duplicateKey(String(decoding: key.prefix(80), as: UTF8.self), offset: start)
            }
            skipSpace()
            if next == UInt8(ascii: ",") {
                position += 1
                continue
            }
            try take(UInt8(ascii: "}"), "a comma or the end of the object")
            return members
        }
    }
}

extension JSONParser {
    /// A string from its opening to its closing quote, unescaped.
    mutating func string() throws(JSONError) -> [UInt8] {
        try take(UInt8(ascii: "\""), "a string")
        var result: [UInt8] = []
        var plain = position
        while true {
            guard let byte = next else { throw .endsEarly }
            if byte == UInt8(ascii: "\"") {
                result.append(contentsOf: bytes[plain..<position])
                position += 1
                return result
            }
            if byte == UInt8(ascii: "\\") {
                result.append(contentsOf: bytes[plain..<position])
                try escape(into: &result)
                plain = position
            } else if byte < 0x20 {
                throw .unexpected(expected: "an escaped control character", offset: position)
            } else {
                position += 1
            }
        }
    }

    private mutating func escape(into result: inout [UInt8]) throws(JSONError) {
        let start = position
        position += 1
        guard let byte = next else { throw .endsEarly }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): result.append(byte)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0c)
        case UInt8(ascii: "n"): result.append(0x0a)
        case UInt8(ascii: "r"): result.append(0x0d)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            let scalar = try unicodeEscape(start: start)
            result.append(contentsOf: scalar.utf8)
        default: throw .invalidEscape(offset: start)
        }
    }

    /// The scalar of `\uXXXX` or of a surrogate pair of two such escapes; the position is behind the first `u`.
    private mutating func unicodeEscape(start: Int) throws(JSONError) -> Unicode.Scalar {
        let high = try hexadecimal(start: start)
        if let scalar = Unicode.Scalar(high) { return scalar }
        // A surrogate: only a high one followed by a low one makes a character.
        guard high < 0xdc00, position + 1 < bytes.count, bytes[position] == UInt8(ascii: "\\"),
            bytes[position + 1] == UInt8(ascii: "u")
        else { throw .invalidEscape(offset: start) }
        position += 2
        let low = try hexadecimal(start: start)
        guard (0xdc00..<0xe000).contains(low),
            let scalar = Unicode.Scalar(0x10000 + (high - 0xd800) << 10 + (low - 0xdc00))
        else { throw .invalidEscape(offset: start) }
        return scalar
    }

    private mutating func hexadecimal(start: Int) throws(JSONError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = next else { throw .endsEarly }
            let digit: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): digit = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): digit = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): digit = byte - UInt8(ascii: "A") + 10
            default: throw .invalidEscape(offset: start)
            }
            value = value << 4 | UInt32(digit)
            position += 1
        }
        return value
    }

    /// A number; one without fraction and exponent that fits is an integer.
    mutating func number() throws(JSONError) -> JSONValue {
        let start = position
        var isWhole = true
        if next == UInt8(ascii: "-") {
            position += 1
            try refuseNotFinite(at: position)
        }
        if next == UInt8(ascii: "0") {
            position += 1
        } else {
            try digits()
        }
        if next == UInt8(ascii: ".") {
            isWhole = false
            position += 1
            try digits()
        }
        if next == UInt8(ascii: "e") || next == UInt8(ascii: "E") {
            isWhole = false
            position += 1
            if next == UInt8(ascii: "+") || next == UInt8(ascii: "-") { position += 1 }
            try digits()
        }
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        // Sizes and offsets beyond 2^53 would lose digits as doubles.
        if isWhole, let value = Int(text) { return .integer(value) }
        guard let value = Double(text), value.isFinite else { throw .numberOutOfRange(offset: start) }
        return .number(value)
    }

    private mutating func digits() throws(JSONError) {
        let start = position
        while let byte = next, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        if position == start {
            if next == nil { throw .endsEarly }
            throw .unexpected(expected: "a digit", offset: position)
        }
    }
}

/// Why bytes are not the JSON document that was expected; `offset` counts bytes from the start.
package enum JSONError: Error, Equatable, CustomStringConvertible {
    /// The bytes are not valid UTF-8.
    case notUnicode
    /// Something else stands where `expected` should.
    case unexpected(expected: String, offset: Int)
    /// The document ends inside a value.
    case endsEarly
    /// Arrays and objects are nested deeper than the limit.
    case tooDeep(limit: Int, offset: Int)
    /// An object has two members of one name.
    case duplicateKey(String, offset: Int)
    /// A number that 64-bit floating point cannot hold.
    case numberOutOfRange(offset: Int)
    /// NaN or Infinity, which other languages write and JSON does not have.
    case notFinite(String, offset: Int)
    /// An escape that stands for no character, for example half of a surrogate pair.
    case invalidEscape(offset: Int)

    package var description: String {
        switch self {
        case .notUnicode: "the JSON text is not valid UTF-8"
        case .unexpected(let expected, let offset): "invalid JSON: expected \(expected) at byte \(offset)"
        case .endsEarly: "invalid JSON: the text ends inside a value; the file may be cut short"
        case .tooDeep(let limit, let offset): "the JSON text is nested deeper than \(limit) levels at byte \(offset)"
        case .duplicateKey(let key, let offset): "the JSON object has the key \"\(key)\" twice, at byte \(offset)"
        case .numberOutOfRange(let offset): "the JSON number at byte \(offset) is out of range"
        case .notFinite(let word, let offset):
            "invalid JSON: \(word) at byte \(offset), and JSON has no such number; write null or leave the field out"
        case .invalidEscape(let offset): "invalid JSON: the escape at byte \(offset) stands for no character"
        }
    }
}
