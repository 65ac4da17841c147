import Storage

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
