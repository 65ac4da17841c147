import Storage
import SwarmFile

/// Cuts the bytes of a file into records as they come, and reads each.
struct DatasetReader {
    /// How much of a file is read at once.
    static let pieceSize = 1 << 20

    let path: String
    let policy: BadRecordPolicy
    /// The line of the byte that comes next.
    var line = 1
    private var start: StartOfText
    private var cutter: (any RecordCutter)?
    private var records: [InstructionRecord] = []
    private var report: DatasetReport
    /// Whether the byte before this one was the first that counts.
    private var hasJustBegun = false

    private let shape: RecordShape
    /// What separates a table's columns; nil for JSON.
    private let separator: UInt8?
    private var table: Table?
    /// The records so far, bad ones as well.
    private var number = 0

    init(path: String, fields: SwarmTopology.Data.Fields, policy: BadRecordPolicy) {
        self.path = path
        self.policy = policy
        shape = RecordShape(names: fields)
        let name = path.hasSuffix(".gz") ? path.dropLast(3) : path[...]
        separator = name.hasSuffix(".csv") ? UInt8(ascii: ",") : name.hasSuffix(".tsv") ? UInt8(ascii: "\t") : nil
        start = StartOfText(tabsCount: separator == UInt8(ascii: "\t"))
        report = DatasetReport(path: path, layout: .lines)
    }

    /// Takes the next bytes of the file.
    mutating func take(_ piece: ArraySlice<UInt8>) throws(DatasetError) {
        for byte in piece {
            if cutter == nil {
                guard let first = start.take(byte) else {
                    if byte == 0x0a { line += 1 }
                    continue
                }
                try begin(with: first)
                hasJustBegun = true
            } else if hasJustBegun {
                // No text of UTF-8 has a zero there; UTF-16 without a mark has.
                guard byte != 0 else { throw .wideText(path: path) }
                hasJustBegun = false
            }
            switch cutter?.take(byte, at: line) {
            case .record(let bytes, let line): try take(record: bytes, at: line)
            case .broken(let reason): throw .brokenStructure(path: path, line: line, reason: reason)
            case .tooLong(let line):
                throw .recordTooLong(path: path, line: line, limit: InstructionDataset.recordLimit)
            case nil, .nothing?: break
            }
            if byte == 0x0a { line += 1 }
        }
    }

    /// Takes the end of the file and gives what was read.
    mutating func finish() throws(DatasetError) -> InstructionDataset {
        guard cutter != nil else { throw .empty(path: path) }
        switch cutter?.finish() {
        case .record(let bytes, let line): try take(record: bytes, at: line)
        case .broken(let reason): throw .brokenStructure(path: path, line: line, reason: reason)
        default: break
        }
        guard !records.isEmpty else {
            guard let first = report.skipped.first else { throw .empty(path: path) }
            throw .noRecords(
                path: path, skipped: report.skippedCount, firstReason: "line \(first.line): \(first.reason)")
        }
        report.records = records.count
        return InstructionDataset(records: records, report: report)
    }

    private mutating func begin(with first: UInt8) throws(DatasetError) {
        if let separator {
            guard first != 0xff, first != 0xfe, first != 0 else { throw .wideText(path: path) }
            report.layout = .table
            cutter = RowCutter(separator: separator)
            return
        }
        // The content tells the layout, as names do not: data sets of JSON Lines are called .json as well.
        switch first {
        case UInt8(ascii: "["):
            report.layout = .array
            cutter = ArrayCutter()
        case UInt8(ascii: "{"):
            report.layout = .lines
            cutter = LineCutter()
        // The marks of UTF-16 in either order, or the first half of its first character.
        case 0xff, 0xfe, 0: throw .wideText(path: path)
        default: throw .unknownFormat(path: path)
        }
    }

    private mutating func take(record bytes: [UInt8], at line: Int) throws(DatasetError) {
        if let separator, table == nil {
            do {
                table = try Table(header: bytes, separator: separator)
            } catch {
                throw .brokenStructure(path: path, line: line, reason: error.reason)
            }
            return
        }
        number += 1
        do {
            let found = try found(in: bytes)
            for record in found.records {
                report.categories[record.category, default: 0] += 1
                if record.response.isEmpty { report.emptyResponses += 1 }
                if !record.history.isEmpty { report.conversations += 1 }
            }
            for field in found.fields { report.fields[field, default: 0] += 1 }
            for field in found.unknownFields { report.unknownFields[field, default: 0] += 1 }
            records.append(contentsOf: found.records)
        } catch {
            var reason = error.reason
            if error.isCutShort, report.layout == .lines {
                reason =
                    "the line ends inside the record: it is cut short, or the record goes on over several lines where JSON "
                    + "Lines has one record a line (jq -c . makes it so)"
            }
            guard policy == .skip else {
                throw .badRecord(path: path, line: line, record: number, reason: reason)
            }
            report.skippedCount += 1
            if report.skipped.count < DatasetReport.skippedLimit {
                report.skipped.append(DatasetReport.Skipped(path: path, line: line, record: number, reason: reason))
            }
        }
    }

    private func found(in bytes: [UInt8]) throws(RecordShape.Fault) -> RecordShape.Found {
        guard let table else { return try shape.records(of: bytes) }
        return try shape.records(of: try table.object(of: bytes, fields: Set(shape.names.names)))
    }
}

/// Unpacks what is packed with gzip, and names what is of another kind, before a file's records are read.
struct PackedReader {
    private let path: String
    private let size: Int
    private var reader: DatasetReader
    private var gzip: GzipReader?
    /// The first bytes, kept until there are enough to tell the kind.
    private var head: [UInt8]? = []
    private static let headSize = 4

    /// A reader of the file of `size` bytes at `path`.
    init(path: String, size: Int, fields: SwarmTopology.Data.Fields, policy: BadRecordPolicy) {
        self.path = path
        self.size = size
        reader = DatasetReader(path: path, fields: fields, policy: policy)
    }

    /// Takes the next bytes of the file.
    mutating func take(_ piece: [UInt8]) throws(DatasetError) {
        if var start = head {
            start += piece
            guard start.count >= Self.headSize else {
                head = start
                return
            }
            try begin(with: start)
        } else {
            try pass(piece)
        }
    }

    /// Takes the end of the file and gives what was read.
    mutating func finish() throws(DatasetError) -> InstructionDataset {
        if let start = head { try begin(with: start) }
        do throws(GzipError) {
            try gzip?.finish()
        } catch {
            throw .gzip(path: path, error)
        }
        return try reader.finish()
    }

    private mutating func begin(with start: [UInt8]) throws(DatasetError) {
        head = nil
        if let foreign = ForeignFile.kind(of: start) {
            throw .foreign(path: path, kind: foreign.name, remedy: foreign.remedy(path))
        }
        if GzipReader.isMarked(start) { gzip = GzipReader(limit: InstructionDataset.unpackedLimit(of: size)) }
        try pass(start)
    }

    private mutating func pass(_ piece: [UInt8]) throws(DatasetError) {
        guard let gzip else { return try reader.take(piece[...]) }
        do {
            try gzip.take(piece) { try reader.take($0) }
        } catch let error as GzipError {
            throw .gzip(path: path, error)
        } catch let error as DatasetError {
            throw error
        } catch {
            preconditionFailure("unpacking throws gzip's errors, reading its own: \(error)")
        }
    }
}

/// Kinds of files that hold instructions elsewhere and are told by their first bytes.
struct ForeignFile {
    let name: String
    /// What makes a file that is read of the one at a path.
    let remedy: @Sendable (String) -> String

    private static let kinds: [(mark: [UInt8], file: ForeignFile)] = [
        (
            Array("PAR1".utf8),
            ForeignFile(name: "Parquet") { path in
                let new = path.hasSuffix(".parquet") ? path.dropLast(8) + ".jsonl" : path + ".jsonl"
                return "convert it: python3 -c 'import pandas; pandas.read_parquet(\"\(path)\").to_json(\"\(new)\", "
                    + "orient=\"records\", lines=True)'"
            }
        ),
        (
            Array("ARRO".utf8),
            ForeignFile(name: "Arrow") { path in
                "convert it: python3 -c 'import pandas; pandas.read_feather(\"\(path)\").to_json(\"\(path).jsonl\", "
                    + "orient=\"records\", lines=True)'"
            }
        ),
        (
            [0x50, 0x4b, 0x03, 0x04],
            ForeignFile(name: "a zip archive or a spreadsheet") { _ in
                "unpack it, or save the sheet as CSV"
            }
        ),
        ([0x28, 0xb5, 0x2f, 0xfd], ForeignFile(name: "packed with Zstandard") { "unpack it: unzstd \($0)" }),
        ([0xfd, 0x37, 0x7a, 0x58], ForeignFile(name: "packed with xz") { "unpack it: unxz \($0)" }),
        (Array("BZh".utf8), ForeignFile(name: "packed with bzip2") { "unpack it: bunzip2 \($0)" }),
    ]

    static func kind(of start: [UInt8]) -> ForeignFile? { kinds.first { start.starts(with: $0.mark) }?.file }
}

/// Passes over a byte order mark and the white space before the first record.
struct StartOfText {
    private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    /// Whether a tab is content: the first cell of a table may be empty.
    let tabsCount: Bool
    private var matched = 0

    init(tabsCount: Bool = false) {
        self.tabsCount = tabsCount
    }

    /// The first byte that counts, or nil as long as there is none.
    mutating func take(_ byte: UInt8) -> UInt8? {
        if matched < Self.mark.count, byte == Self.mark[matched] {
            matched += 1
            return nil
        }
        // A mark that is not whole is content, and wrong; one that is whole cannot come twice.
        guard matched == 0 || matched >= Self.mark.count else { return byte }
        matched = Self.mark.count
        return byte == 0x20 || byte == 0x09 && !tabsCount || byte == 0x0a || byte == 0x0d ? nil : byte
    }
}
