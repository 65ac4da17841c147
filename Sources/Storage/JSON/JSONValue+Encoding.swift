import Basics

extension JSONValue {
    /// The document as UTF-8 text. Members keep their order; numbers must be finite.
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
            precondition(value.isFinite, "JSON has no infinite numbers")
            bytes.append(contentsOf: value.description.utf8)
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
