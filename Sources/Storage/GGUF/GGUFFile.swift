/// A GGUF file open for reading single tensors: the header is in memory, the data stay on disk.
package struct GGUFFile: Sendable {
    /// Metadata and the table of tensors.
    package let header: GGUFHeader
    /// The file's path.
    package let path: String
    private let file: ReadableFile

    /// Whether `path` is called as a GGUF file is.
    package static func isNamed(_ path: String) -> Bool { path.hasSuffix(".gguf") }

    private static let firstPiece = 1 << 20
    /// Bytes that are read and decoded at a time, rounded down to whole blocks.
    private static let pieceSize = 1 << 20

    /// Opens the file at `path` and checks its header. Throws `FileError` or `GGUFError`.
    package static func open(path: String) throws -> GGUFFile {
        let file = try ReadableFile(path: path)
        // How long a header is shows only when it has been read: twice as much is tried each time.
        var length = min(firstPiece, file.size)
        while true {
            let prefix = try file.bytes(0..<length)
            if let header = try GGUFHeader(prefix: prefix, fileSize: file.size, file: path) {
                return GGUFFile(header: header, path: path, file: file)
            }
            length = min(2 * length, file.size, GGUFHeader.lengthLimit)
        }
    }

    /// The values of a tensor, row-major, unpacked from its blocks. Throws `GGUFError` or `FileError`.
    package func floats(named tensor: String) throws -> [Float] {
        guard let entry = header.entry(named: tensor) else {
            throw GGUFError.missingTensor(name: tensor, file: path)
        }
        var floats: [Float] = []
        floats.reserveCapacity(entry.count)
        let piece = max(1, Self.pieceSize / entry.type.blockSize) * entry.type.blockSize
        for start in stride(from: entry.range.lowerBound, to: entry.range.upperBound, by: piece) {
            let bytes = try file.bytes(start..<min(start + piece, entry.range.upperBound))
            entry.type.decode(bytes.span, into: &floats)
        }
        return floats
    }

    /// A metadata pair as the file has it: key, type and value; without bytes where there is none. Throws `FileError`.
    func pair(_ key: String) throws -> [UInt8] {
        try header.pairRanges[key].map { try file.bytes($0) } ?? []
    }

    /// The bytes of a tensor as the file has them, block after block. Throws `GGUFError` or `FileError`.
    package func blocks(named tensor: String) throws -> [UInt8] {
        guard let entry = header.entry(named: tensor) else {
            throw GGUFError.missingTensor(name: tensor, file: path)
        }
        return try file.bytes(entry.range)
    }
}
