import Storage

/// Cuts the rows of CSV and TSV (RFC 4180): a field in quotation marks may hold separators and line feeds, and two
/// quotation marks stand for one. Rows of nothing but
/// separators and white space are passed over.
struct RowCutter: RecordCutter {
    let separator: UInt8
    private var bytes: [UInt8] = []
    private var isBlank = true
    private var line = 1
    private var place = Place.start

    /// Where in a field the next byte is.
    private enum Place { case start, plain, quoted, afterQuote }

    init(separator: UInt8) {
        self.separator = separator
    }

    mutating func take(_ byte: UInt8, at line: Int) -> CutterDirective {
        if byte == 0x0a, place != .quoted { return end() }
        if bytes.isEmpty { self.line = line }
        guard bytes.count < InstructionDataset.recordLimit else { return .tooLong(line: self.line) }
        bytes.append(byte)
        if byte != 0x20, byte != 0x0d, byte != separator { isBlank = false }
        switch (place, byte) {
        case (.start, 0x22), (.afterQuote, 0x22): place = .quoted
        case (.quoted, 0x22): place = .afterQuote
        case (.quoted, _): break
        case (_, separator): place = .start
        default: place = .plain
        }
        return .nothing
    }

    mutating func finish() -> CutterDirective {
        guard place != .quoted else {
            return .broken("the row that begins on line \(line) opens a quotation mark that nothing closes")
        }
        return end()
    }

    private mutating func end() -> CutterDirective {
        defer {
            bytes.removeAll(keepingCapacity: true)
            isBlank = true
            place = .start
        }
        return isBlank ? .nothing : .record(bytes, line: line)
    }
}

/// The names of a table's columns, and the objects that its rows stand for.
struct Table {
    typealias Fault = RecordShape.Fault

    private let separator: UInt8
    private let columns: [String]

    private static let columnLimit = 1_000
    /// Fields that hold lists: in a table they are JSON texts.
    private static let lists: Set<String> = ["conversations", "messages", "instances"]
    /// An empty cell of these is an empty answer; other empty cells say that there is nothing.
    private static let answers: Set<String> = ["response", "output", "completion"]

    /// The table whose first row is `header`.
    init(header: [UInt8], separator: UInt8) throws(Fault) {
        self.separator = separator
        columns = try Self.cells(of: header, separator: separator)
        guard columns.count <= Self.columnLimit else {
            throw Fault(reason: "the first row names \(columns.count) columns, more than \(Self.columnLimit)")
        }
        var seen: Set<String> = []
        for name in columns where !name.isEmpty && !seen.insert(name).inserted {
            throw Fault(reason: "the first row names \"\(name.prefix(40))\" twice")
        }
        let other = separator == UInt8(ascii: ",") ? ";" : ","
        guard columns.count > 1 || !columns[0].contains(other) else {
            let word = separator == UInt8(ascii: ",") ? "commas" : "tabs"
            throw Fault(
                reason:
                    "the first row has no \(word), but \"\(other)\"; write the table with \(word) between its columns")
        }
    }

    /// The object of a row. A cell whose column has no name is left out.
    func object(of row: [UInt8], fields: Set<String>) throws(Fault) -> JSONObject {
        let cells = try Self.cells(of: row, separator: separator)
        guard cells.count == columns.count else {
            throw Fault(
                reason: "the row has \(cells.count) cells where the first row names \(columns.count) columns; a "
                    + "separator or line break within a cell needs quotation marks around the cell")
        }
        var object = JSONObject()
        for (name, cell) in zip(columns, cells) where !name.isEmpty {
            if cell.isEmpty, !Self.answers.contains(name), !fields.contains(name) { continue }
            var value = JSONValue.text(cell)
            if Self.lists.contains(name), cell.utf8.first == UInt8(ascii: "["),
                let list = try? JSONValue.parse(Array(cell.utf8), depthLimit: 16)
            {
                value = list
            }
            _ = object.append(key: Array(name.utf8), value: value)
        }
        return object
    }

    /// The cells of a row, without their quotation marks.
    static func cells(of row: [UInt8], separator: UInt8) throws(Fault) -> [String] {
        var cells: [String] = []
        var cell: [UInt8] = []
        var isQuoted = false, wasQuoted = false
        func text(_ bytes: [UInt8]) throws(Fault) -> String {
            guard let text = String(validating: bytes, as: UTF8.self) else {
                throw Fault(reason: "the row is not UTF-8 text")
            }
            return text
        }
        var rest = row[...]
        // The line feed is not in the row; the carriage return before it is.
        if rest.last == 0x0d { rest.removeLast() }
        while let byte = rest.popFirst() {
            if isQuoted {
                guard byte == 0x22 else {
                    cell.append(byte)
                    continue
                }
                if rest.first == 0x22 {
                    cell.append(0x22)
                    rest.removeFirst()
                } else {
                    isQuoted = false
                    guard rest.isEmpty || rest.first == separator else {
                        throw Fault(
                            reason:
                                "text follows a closing quotation mark; a quotation mark within a cell is written twice"
                        )
                    }
                }
            } else if byte == separator {
                cells.append(try text(cell))
                cell.removeAll(keepingCapacity: true)
                wasQuoted = false
            } else if byte == 0x22, cell.isEmpty, !wasQuoted {
                (isQuoted, wasQuoted) = (true, true)
            } else {
                cell.append(byte)
            }
        }
        cells.append(try text(cell))
        return cells
    }
}
