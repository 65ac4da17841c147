/// Finds where records begin and end in a stream of bytes, without reading what is in them.
protocol RecordCutter: Sendable {
    /// Takes one byte, which stands on line `line`.
    mutating func take(_ byte: UInt8, at line: Int) -> CutterDirective
    /// Takes the end of the text.
    mutating func finish() -> CutterDirective
}

/// What a cutter found.
enum CutterDirective: Sendable, Equatable {
    /// No record ends here.
    case nothing
    /// A record that began on line `line`.
    case record([UInt8], line: Int)
    /// The text between the records is not as it should be.
    case broken(String)
    /// The record that began on line `line` has more bytes than a record may have.
    case tooLong(line: Int)
}

/// Cuts JSON Lines: whatever stands between two line feeds is a record, unless it is white space.
struct LineCutter: RecordCutter {
    private var bytes: [UInt8] = []
    private var isBlank = true
    private var line = 1

    mutating func take(_ byte: UInt8, at line: Int) -> CutterDirective {
        if byte == 0x0a { return finish() }
        if bytes.isEmpty { self.line = line }
        guard bytes.count < InstructionDataset.recordLimit else { return .tooLong(line: self.line) }
        if byte != 0x20, byte != 0x09, byte != 0x0d { isBlank = false }
        bytes.append(byte)
        return .nothing
    }

    mutating func finish() -> CutterDirective {
        defer {
            bytes.removeAll(keepingCapacity: true)
            isBlank = true
        }
        // The parser takes the carriage return of a CR LF for the white space that it is.
        return isBlank ? .nothing : .record(bytes, line: line)
    }
}

/// Cuts the elements of a JSON array, by counting brackets outside strings.
struct ArrayCutter: RecordCutter {
    private enum Place { case before, first, element, afterComma, afterEnd }

    private var place = Place.before
    private var bytes: [UInt8] = []
    private var line = 1
    private var depth = 0
    private var inString = false
    private var isEscaped = false

    mutating func take(_ byte: UInt8, at line: Int) -> CutterDirective {
        let isSpace = byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d
        switch place {
        case .before:
            place = .first
            return .nothing
        case .afterEnd:
            return isSpace ? .nothing : .broken("text after the end of the array")
        case .first, .afterComma:
            if isSpace { return .nothing }
            if byte == UInt8(ascii: "]"), place == .first {
                place = .afterEnd
                return .nothing
            }
            if byte == UInt8(ascii: "]") || byte == UInt8(ascii: ",") { return .broken("a record is missing") }
            place = .element
            self.line = line
        case .element: break
        }
        return takeInElement(byte)
    }

    mutating func finish() -> CutterDirective {
        place == .afterEnd ? .nothing : .broken("the array does not end")
    }

    private mutating func takeInElement(_ byte: UInt8) -> CutterDirective {
        if !inString, depth == 0, byte == UInt8(ascii: ",") || byte == UInt8(ascii: "]") {
            place = byte == UInt8(ascii: ",") ? .afterComma : .afterEnd
            defer { bytes.removeAll(keepingCapacity: true) }
            return .record(bytes, line: line)
        }
        // Before the byte is kept: a quotation mark that is missing would collect the rest of the file.
        guard bytes.count < InstructionDataset.recordLimit else { return .tooLong(line: line) }
        bytes.append(byte)
        if inString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                inString = false
            }
            return .nothing
        }
        switch byte {
        case UInt8(ascii: "\""): inString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            if depth < 0 { return .broken("a closing bracket without an opening one") }
        default: break
        }
        return .nothing
    }
}
