package import Storage
package import SwarmFile

/// The records of a source and what was found while reading them.
package struct InstructionDataset: Sendable {
    /// The records, in the order of the files.
    package var records: [InstructionRecord]
    /// What was found.
    package var report: DatasetReport

    package init(records: [InstructionRecord], report: DatasetReport) {
        self.records = records
        self.report = report
    }

    /// The most bytes that one record may have: bounds the memory that a damaged file can ask for.
    package static let recordLimit = 8 << 20

    /// The most bytes that a gzip file of `packed` bytes may unpack to. Text shrinks to a tenth at the most, what is
    /// repeated a great deal to a hundredth; what is made to fill memories, to a thousandth.
    static func unpackedLimit(of packed: Int) -> Int { max(64 << 20, min(packed, Int.max / 100) * 100) }

    /// Reads a file of instructions: one JSON array, JSON Lines, or a table with the ending .csv or .tsv, each also packed
    /// with gzip. JSON's two forms and gzip are told by the content and not by the name.
    ///
    /// The file is read piece by piece; beside the records no more than one piece and one record are in memory. A byte
    /// order mark and CR LF line ends are passed over.
    ///
    /// - Parameter fields: the names of fields that are not the usual ones.
    package static func read(
        path: String, fields: SwarmTopology.Data.Fields = .defaults, onBadRecord policy: BadRecordPolicy = .refuse
    ) throws(DatasetError) -> InstructionDataset {
        let file: ReadableFile
        do {
            file = try ReadableFile(path: path)
        } catch {
            throw .file(error)
        }
        var reader = PackedReader(path: path, size: file.size, fields: fields, policy: policy)
        var position = 0
        while position < file.size {
            let end = min(file.size, position + DatasetReader.pieceSize)
            let piece: [UInt8]
            do {
                piece = try file.bytes(position..<end)
            } catch {
                throw .file(error)
            }
            try reader.take(piece)
            position = end
        }
        return try reader.finish()
    }

    /// Reads `bytes` as if they were the file called `path`.
    package static func parse(
        _ bytes: [UInt8], path: String, fields: SwarmTopology.Data.Fields = .defaults,
        onBadRecord policy: BadRecordPolicy = .refuse
    ) throws(DatasetError) -> InstructionDataset {
        var reader = PackedReader(path: path, size: bytes.count, fields: fields, policy: policy)
        try reader.take(bytes)
        return try reader.finish()
    }
}

/// What happens to a record that cannot be used: a line that is no JSON, a field of the wrong kind, no instruction.
package enum BadRecordPolicy: String, Sendable, Hashable, CaseIterable {
    /// Reading ends with an error that names file and line.
    case refuse
    /// The record is left out, counted, and the first ones are reported with line and reason.
    case skip
}

/// Why a file of instructions could not be read. Every case names the file.
package enum DatasetError: Error, Equatable, CustomStringConvertible {
    /// The file itself cannot be opened or read.
    case file(FileError)
    /// The file holds nothing but white space.
    case empty(path: String)
    /// The first character is neither that of a JSON array nor that of a JSON object, and the name not that of a table.
    case unknownFormat(path: String)
    /// A file of another kind, which is not read; `remedy` says what makes one that is.
    case foreign(path: String, kind: String, remedy: String)
    /// The file is packed with gzip and cannot be unpacked.
    case gzip(path: String, GzipError)
    /// A folder that holds no file of instructions; `others` are the names of some of the files that it has.
    case emptyFolder(path: String, others: [String])
    /// The text is UTF-16 or UTF-32.
    case wideText(path: String)
    /// A record that the policy does not let pass; `line` and `record` count from one.
    case badRecord(path: String, line: Int, record: Int, reason: String)
    /// The text between the records is broken, so that the rest cannot be found; no policy can skip that.
    case brokenStructure(path: String, line: Int, reason: String)
    /// A record longer than any instruction, for example because a quotation mark is missing.
    case recordTooLong(path: String, line: Int, limit: Int)
    /// Every record was bad and skipped.
    case noRecords(path: String, skipped: Int, firstReason: String)

    package var description: String {
        switch self {
        case .file(let error): error.description
        case .empty(let path): "\(path): the file is empty; it should hold instructions as JSON, CSV or TSV"
        case .unknownFormat(let path):
            "\(path): neither a JSON array nor JSON Lines, which begin with [ or {; the name of a table ends with .csv or .tsv"
        case .foreign(let path, let kind, let remedy): "\(path): this is \(kind), which is not read; \(remedy)"
        case .gzip(let path, let error): "\(path): \(error)"
        case .emptyFolder(let path, let others):
            "\(path): no file in this folder ends with \(DataSource.endings.joined(separator: ", ")), or these and .gz"
                + (others.isEmpty ? "" : " (there is: \(others.joined(separator: ", ")))")
        case .wideText(let path):
            "\(path): the text is UTF-16, and UTF-8 is read; write it anew: iconv -f UTF-16 -t UTF-8 FILE > NEW"
        case .badRecord(let path, let line, let record, let reason):
            "\(path):\(line): record \(record): \(reason); correct the record, or have bad records skipped (--skip-bad)"
        case .brokenStructure(let path, let line, let reason):
            "\(path):\(line): \(reason); the file may be cut short or damaged"
        case .recordTooLong(let path, let line, let limit):
            "\(path):\(line): a record of more than \(limit) bytes; a quotation mark or a line break may be missing"
        case .noRecords(let path, let skipped, let firstReason):
            "\(path): none of the \(skipped) records can be used; the first: \(firstReason)"
        }
    }
}
