/// Lays out safetensors files as `save_pretrained` does: `{"format":"pt"}` as metadata, the header padded to 8 bytes.
package struct SafetensorsWriter {
    private struct Tensor {
        let name: String
        let encoding: FloatEncoding
        let shape: [Int]
        let values: ArraySlice<Float>
    }

    private var tensors: [Tensor] = []
    private let metadata: [(String, String)]

    /// A writer of a file with the given metadata.
    package init(metadata: [(String, String)] = [("format", "pt")]) {
        self.metadata = metadata
    }

    /// Adds a tensor of the given shape; names must differ, and the shape must fit the values.
    package mutating func add(
        _ name: String, shape: [Int], values: ArraySlice<Float>, encoding: FloatEncoding = .float32
    ) {
        precondition(shape.reduce(1, *) == values.count, "a tensor's shape fits its values")
        tensors.append(Tensor(name: name, encoding: encoding, shape: shape, values: values))
    }

    /// The file's bytes: the tensors in the order in which they were added.
    package func encoded() -> [UInt8] {
        var members: [(String, JSONValue)] = []
        if !metadata.isEmpty {
            members.append(("__metadata__", .object(JSONObject(metadata.map { ($0.0, JSONValue.text($0.1)) }))))
        }
        var offset = 0
        for tensor in tensors {
            let end = offset + tensor.values.count * tensor.encoding.size
            let description: [(String, JSONValue)] = [
                ("dtype", .text(tensor.encoding.rawValue)),
                ("shape", .array(tensor.shape.map(JSONValue.integer))),
                ("data_offsets", .array([.integer(offset), .integer(end)])),
            ]
            members.append((tensor.name, .object(JSONObject(description))))
            offset = end
        }
        var header = JSONValue.object(JSONObject(members)).encoded()
        while !header.count.isMultiple(of: 8) { header.append(0x20) }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + header.count + offset)
        for shift in stride(from: UInt64(0), to: 64, by: 8) {
            bytes.append(UInt8(truncatingIfNeeded: UInt64(header.count) >> shift))
        }
        bytes.append(contentsOf: header)
        for tensor in tensors { tensor.encoding.encode(tensor.values, into: &bytes) }
        return bytes
    }

    /// Writes the file so that a crash leaves the old or the new one whole. Throws `FileError`.
    package func write(to path: String) throws(FileError) {
        try AtomicFile.write(encoded(), to: path)
    }
}
