import Basics

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

/// Lays out safetensors files as `save_pretrained` does: `{"format":"pt"}` as metadata, the header padded to 8 bytes.
package struct SafetensorsWriter {
    private struct Tensor {
        let name: String
        let encoding: FloatEncoding
        let shape: [Int]
        let values: () throws -> ArraySlice<Float>

        var byteCount: Int { shape.reduce(encoding.size, *) }
    }

    private var tensors: [Tensor] = []
    private let metadata: [(String, String)]
    private let refusesNotFinite: Bool

    /// A writer of a file with the given metadata.
    ///
    /// - Parameter refusesNotFinite: whether it throws `SafetensorsError.notFinite` or `.tooLarge` instead of writing a
    ///   value that is not finite, or that its encoding makes infinite.
    package init(metadata: [(String, String)] = [("format", "pt")], refusesNotFinite: Bool = true) {
        self.metadata = metadata
        self.refusesNotFinite = refusesNotFinite
    }

    /// Adds a tensor of the given shape; names must differ, and the shape must fit the values.
    package mutating func add(
        _ name: String, shape: [Int], values: ArraySlice<Float>, encoding: FloatEncoding = .float32
    ) {
        precondition(shape.reduce(1, *) == values.count, "a tensor's shape fits its values")
        add(name, shape: shape, encoding: encoding) { values }
    }

    /// Adds a tensor whose values are made when it is written, so that a large model need not be in memory; the shape
    /// must fit the values.
    package mutating func add(
        _ name: String, shape: [Int], encoding: FloatEncoding,
        makingValues values: @escaping () throws -> ArraySlice<Float>
    ) {
        tensors.append(Tensor(name: name, encoding: encoding, shape: shape, values: values))
    }

    /// The file's bytes: the tensors in the order in which they were added. Throws `SafetensorsError` for values that it
    /// refuses, and what making values throws; `name` is the file's, for errors.
    package func encoded(name: String = "safetensors bytes") throws -> [UInt8] {
        var bytes = header()
        try forEachPiece(of: name) { bytes.append(contentsOf: $0) }
        return bytes
    }

    /// Writes the file tensor by tensor, so that a crash leaves the old or the new one whole; see `AtomicFile` for
    /// `isDurable`.
    ///
    /// Throws `FileError`, `SafetensorsError` for values that it refuses, or what making values throws.
    package func write(to path: String, isDurable: Bool = true) throws {
        try AtomicFile.write(to: path, isDurable: isDurable) { append in
            try append(header())
            try forEachPiece(of: path, append)
        }
    }

    /// The length and the padded JSON.
    private func header() -> [UInt8] {
        var members: [(String, JSONValue)] = []
        if !metadata.isEmpty {
            members.append(("__metadata__", .object(JSONObject(metadata.map { ($0.0, JSONValue.text($0.1)) }))))
        }
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.byteCount
            let description: [(String, JSONValue)] = [
                ("dtype", .text(tensor.encoding.rawValue)),
                ("shape", .array(tensor.shape.map(JSONValue.integer))),
                ("data_offsets", .array([.integer(offset), .integer(end)])),
            ]
            members.append((tensor.name, .object(JSONObject(description))))
            offset = end
        }
        var json = JSONValue.object(JSONObject(members)).encoded()
        // So that the data begin at a multiple of eight, as readers that map the file want it.
        while !json.count.isMultiple(of: 8) { json.append(0x20) }
        var bytes: [UInt8] = []
        bytes.append(integer: UInt64(json.count))
        return bytes + json
    }

    /// Calls `body` with the data of the file called `file`, a tensor's worth or less at a time.
    private func forEachPiece(of file: String, _ body: ([UInt8]) throws -> Void) throws {
        for tensor in tensors {
            let values = try tensor.values()
            precondition(values.count * tensor.encoding.size == tensor.byteCount, "a tensor's shape fits its values")
            if refusesNotFinite { try check(values, of: tensor, file: file) }
            var rest = values
            while !rest.isEmpty {
                var bytes: [UInt8] = []
                tensor.encoding.encode(rest.prefix(Self.pieceLength), into: &bytes)
                try body(bytes)
                rest = rest.dropFirst(Self.pieceLength)
            }
        }
    }

    private func check(_ values: ArraySlice<Float>, of tensor: Tensor, file: String) throws(SafetensorsError) {
        if let found = NotFiniteValues.find(in: values) {
            throw .notFinite(name: tensor.name, file: file, shape: tensor.shape, found)
        }
        guard tensor.encoding != .float32 else { return }
        let limit = tensor.encoding.limit
        guard let index = values.firstIndex(where: { abs($0) >= limit }) else { return }
        throw .tooLarge(
            name: tensor.name, file: file, place: NotFiniteValues.place(index - values.startIndex, in: tensor.shape),
            value: values[index], type: tensor.encoding.rawValue)
    }

    /// The number of values encoded at a time.
    private static let pieceLength = 1 << 20
}
