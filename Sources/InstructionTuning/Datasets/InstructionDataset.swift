package import Storage

/// One private instruction with its answer.
package struct InstructionRecord: Sendable, Hashable {
    /// What is asked.
    package var instruction: String
    /// Further context that the instruction speaks about; empty where there is none. Dolly calls it `context`, Alpaca
    /// `input`.
    package var context: String
    /// The answer to learn. Alpaca calls it `output`.
    package var response: String
    /// The kind of task; empty where the data do not say.
    package var category: String

    package init(instruction: String, context: String = "", response: String, category: String = "") {
        self.instruction = instruction
        self.context = context
        self.response = response
        self.category = category
    }
}

/// The records of one file and what was found while reading them.
package struct InstructionDataset: Sendable {
    /// The records, in the order of the file.
    package var records: [InstructionRecord]
    /// What was found.
    package var report: DatasetReport

    /// The most bytes that one record may have: bounds the memory that a damaged file can ask for.
    package static let recordLimit = 8 << 20

    /// Reads a file of instructions: records as Dolly, Alpaca and self-instruct write them, in a JSON array or as JSON
    /// Lines, which the content tells and not the name.
    ///
    /// The file is read piece by piece; beside the records no more than one piece and one record are in memory. A byte
    /// order mark and CR LF line ends are passed over.
    package static func read(
        path: String, onBadRecord policy: BadRecordPolicy = .refuse
    ) throws(DatasetError) -> InstructionDataset {
        do {
            let file = try ReadableFile(path: path)
            var reader = DatasetReader(path: path, policy: policy)
            var position = 0
            while position < file.size {
                let end = min(file.size, position + DatasetReader.pieceSize)
                try reader.take(try file.bytes(position..<end)[...])
                position = end
            }
            return try reader.finish()
        } catch let error as FileError {
            throw .file(error)
        } catch let error as DatasetError {
            throw error
        } catch {
            // `do` with two typed errors infers `any Error`; there is no third.
            preconditionFailure("reading throws file and data set errors only: \(error)")
        }
    }

    /// Reads `bytes` as if they were the file called `path`.
    package static func parse(
        _ bytes: [UInt8], path: String, onBadRecord policy: BadRecordPolicy = .refuse
    ) throws(DatasetError) -> InstructionDataset {
        var reader = DatasetReader(path: path, policy: policy)
        try reader.take(bytes[...])
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
    /// The first character is neither that of a JSON array nor that of a JSON object.
    case unknownFormat(path: String)
    /// The text is UTF-16 or UTF-32.
    case wideText(path: String)
    /// A record that the policy does not let pass; `line` counts from one.
    case badRecord(path: String, line: Int, reason: String)
    /// The text between the records is broken, so that the rest cannot be found; no policy can skip that.
    case brokenStructure(path: String, line: Int, reason: String)
    /// A record longer than any instruction, for example because a quotation mark is missing.
    case recordTooLong(path: String, line: Int, limit: Int)
    /// Every record was bad and skipped.
    case noRecords(path: String, skipped: Int, firstReason: String)

    package var description: String {
        switch self {
        case .file(let error): error.description
        case .empty(let path): "\(path): the file is empty; it should hold instructions as a JSON array or JSON Lines"
        case .unknownFormat(let path):
            "\(path): neither a JSON array nor JSON Lines: the text should begin with [ or {"
        case .wideText(let path):
            "\(path): the text is UTF-16, and UTF-8 is read; write it anew: iconv -f UTF-16 -t UTF-8 FILE > NEW"
        case .badRecord(let path, let line, let reason):
            "\(path):\(line): \(reason); correct the record, or have bad records skipped"
        case .brokenStructure(let path, let line, let reason):
            "\(path):\(line): \(reason); the file may be cut short or damaged"
        case .recordTooLong(let path, let line, let limit):
            "\(path):\(line): a record of more than \(limit) bytes; a quotation mark or a line break may be missing"
        case .noRecords(let path, let skipped, let firstReason):
            "\(path): none of the \(skipped) records can be used; the first: \(firstReason)"
        }
    }
}
