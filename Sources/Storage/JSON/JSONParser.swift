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
        default: throw .unexpected(expected: "a value", offset: position)
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
