package import Storage

/// Why a file of instructions could not be read. Every case names the file.
package enum DatasetError: Error, Equatable, CustomStringConvertible {
    /// The file itself cannot be opened or read.
    case file(FileError)
    /// The file holds nothing but white space.
    case empty(path: String)
    /// The first character is neither that of a JSON array nor that of a JSON object.
    case unknownFormat(path: String)
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
