import Basics

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
        if next == UInt8(ascii: "-") { position += 1 }
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
