/// A safetensors file open for reading single tensors.
package struct SafetensorsFile: Sendable {
    private enum Source: Sendable {
        case file(ReadableFile)
        case memory([UInt8])
    }

    /// The checked table of contents.
    package let header: SafetensorsHeader
    /// The file's path, or the name given for bytes in memory.
    package let name: String
    private let source: Source

    /// Opens and checks the file at `path`; the data stay on disk. Throws `FileError` or `SafetensorsError`.
    package static func open(path: String) throws -> SafetensorsFile {
        let file = try ReadableFile(path: path)
        let prefix = try file.bytes(0..<min(8, file.size))
        let length = try SafetensorsHeader.length(prefix: prefix, fileSize: file.size, file: path)
        let header = try SafetensorsHeader(
            json: try file.bytes(8..<8 + length), fileSize: file.size, file: path)
        return SafetensorsFile(header: header, name: path, source: .file(file))
    }

    /// Checks a file that is already in memory. Throws `SafetensorsError`.
    package init(bytes: [UInt8], name: String = "safetensors bytes") throws(SafetensorsError) {
        let length = try SafetensorsHeader.length(prefix: Array(bytes.prefix(8)), fileSize: bytes.count, file: name)
        let header = try SafetensorsHeader(json: Array(bytes[8..<8 + length]), fileSize: bytes.count, file: name)
        self.init(header: header, name: name, source: .memory(bytes))
    }

    private init(header: SafetensorsHeader, name: String, source: Source) {
        self.header = header
        self.name = name
        self.source = source
    }

    /// The tensors' entries in the order of their data.
    package var tensors: [SafetensorsHeader.Entry] { header.entries }

    /// Whether there is a tensor called `tensor`.
    package func contains(_ tensor: String) -> Bool { header.entry(named: tensor) != nil }

    /// Whether there is a tensor whose name has these UTF-8 bytes.
    package func contains(bytes tensor: [UInt8]) -> Bool { header.entry(bytes: tensor) != nil }

    /// The shape of a tensor, if it is there.
    package func shape(of tensor: String) -> [Int]? { header.entry(named: tensor)?.shape }

    /// The values of a tensor stored as F32, F16 or BF16, row-major. Throws `SafetensorsError` or `FileError`.
    package func floats(named tensor: String) throws -> [Float] {
        guard let entry = header.entry(named: tensor) else {
            throw SafetensorsError.missingTensor(name: tensor, file: name)
        }
        guard let encoding = FloatEncoding(rawValue: entry.type) else {
            throw SafetensorsError.unsupportedType(name: tensor, file: name, type: entry.type)
        }
        switch source {
        case .file(let file):
            if encoding == .float32 { return try file.floats(entry.range) }
            var floats: [Float] = []
            floats.reserveCapacity(entry.count)
            try file.forEachPiece(of: entry.range) { encoding.decode($0, into: &floats) }
            return floats
        case .memory(let bytes):
            var floats: [Float] = []
            encoding.decode(bytes[entry.range], into: &floats)
            return floats
        }
    }
}
