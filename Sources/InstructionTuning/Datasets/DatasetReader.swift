/// Cuts the bytes of a file into records as they come, and reads each.
struct DatasetReader {
    /// How much of a file is read at once.
    static let pieceSize = 1 << 20

    let path: String
    let policy: BadRecordPolicy
    /// The line of the byte that comes next.
    var line = 1
    private var start = StartOfText()
    private var cutter: (any RecordCutter)?
    private var records: [InstructionRecord] = []
    private var report: DatasetReport
    /// Whether the byte before this one was the first that counts.
    private var hasJustBegun = false

    init(path: String, policy: BadRecordPolicy) {
        self.path = path
        self.policy = policy
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
        do {
            let found = try RecordShape.records(of: bytes)
            for record in found.records {
                report.categories[record.category, default: 0] += 1
                if record.response.isEmpty { report.emptyResponses += 1 }
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
            guard policy == .skip else { throw .badRecord(path: path, line: line, reason: reason) }
            report.skippedCount += 1
            if report.skipped.count < DatasetReport.skippedLimit {
                report.skipped.append(DatasetReport.Skipped(line: line, reason: reason))
            }
        }
    }
}

/// Passes over a byte order mark and the white space before the first record.
struct StartOfText {
    private static let mark: [UInt8] = [0xef, 0xbb, 0xbf]
    private var matched = 0

    /// The first byte that counts, or nil as long as there is none.
    mutating func take(_ byte: UInt8) -> UInt8? {
        if matched < Self.mark.count, byte == Self.mark[matched] {
            matched += 1
            return nil
        }
        // A mark that is not whole is content, and wrong; one that is whole cannot come twice.
        guard matched == 0 || matched >= Self.mark.count else { return byte }
        matched = Self.mark.count
        return byte == 0x20 || byte == 0x09 || byte == 0x0a || byte == 0x0d ? nil : byte
    }
}
