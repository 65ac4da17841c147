internal import Basics

/// Lays out GGUF files (version 3): metadata pairs, the table of tensors, and the data, where each tensor begins at a
/// multiple of 32 bytes.
package struct GGUFWriter {
    private struct Tensor {
        let name: String
        let shape: [Int]
        let type: GGUFTensorType
        let byteCount: Int
        let values: () throws -> Content
    }

    /// What a tensor is written from.
    package enum Content {
        /// Values, row-major, which its type encodes.
        case values([Float])
        /// Bytes as the file has them.
        case bytes([UInt8])
    }

    private var pairs: [UInt8] = []
    private var pairCount = 0
    private var tensors: [Tensor] = []
    private static let alignment = 32

    package init() {}

    /// Adds a string to the metadata.
    package mutating func set(_ key: String, _ text: String) {
        begin(key, type: 8)
        append(text)
    }

    /// Adds a 32-bit integer.
    package mutating func set(_ key: String, _ number: UInt32) {
        begin(key, type: 4)
        pairs.append(integer: number)
    }

    /// Adds a 32-bit float.
    package mutating func set(_ key: String, _ number: Float) {
        begin(key, type: 6)
        pairs.append(integer: number.bitPattern)
    }

    /// Adds the pairs of another file as they are, but those of `others`. Numbers keep their widths: readers ask for them.
    ///
    /// Throws `FileError`.
    package mutating func copyPairs(of file: GGUFFile, except others: Set<String>) throws {
        for key in file.header.keys where !others.contains(key) && key != "general.alignment" {
            pairs += try file.pair(key)
            pairCount += 1
        }
    }

    private mutating func begin(_ key: String, type: UInt32) {
        append(key)
        pairs.append(integer: type)
        pairCount += 1
    }

    private mutating func append(_ text: String) {
        pairs.append(integer: UInt64(text.utf8.count))
        pairs += Array(text.utf8)
    }

    /// Adds a tensor of the given shape, outermost dimension first, whose content is made when it is written; the shape
    /// must fit the content, and the type's blocks the rows.
    package mutating func add(
        _ name: String, shape: [Int], type: GGUFTensorType, making values: @escaping () throws -> Content
    ) {
        guard let columns = shape.last, columns.isMultiple(of: type.blockLength),
            let byteCount = type.byteCount(of: shape.reduce(1, *))
        else { preconditionFailure("rows are whole blocks") }
        tensors.append(Tensor(name: name, shape: shape, type: type, byteCount: byteCount, values: values))
    }

    /// Writes the file tensor by tensor, so that a crash leaves the old or the new one whole.
    ///
    /// Throws `FileError`, `GGUFError.notFinite` for values that are not or that their type makes infinite, or what making
    /// content throws.
    package func write(to path: String) throws {
        try AtomicFile.write(to: path) { append in
            try append(head)
            for tensor in tensors {
                let bytes: [UInt8] =
                    switch try tensor.values() {
                    case .bytes(let bytes): bytes
                    case .values(let values): try encoded(values, of: tensor, file: path)
                    }
                precondition(bytes.count == tensor.byteCount, "a tensor's shape fits its content")
                try append(bytes + Self.padding(after: bytes.count))
            }
        }
    }

    private func encoded(_ values: [Float], of tensor: Tensor, file: String) throws(GGUFError) -> [UInt8] {
        let limit = tensor.type == .float32 ? Float.greatestFiniteMagnitude : 65504
        guard values.allSatisfy({ abs($0) <= limit }) else { throw .notFinite(name: tensor.name, file: file) }
        return tensor.type.encode(values)
    }

    /// All that stands before the data.
    private var head: [UInt8] {
        var bytes = Array("GGUF".utf8)
        bytes.append(integer: UInt32(3))
        bytes.append(integer: UInt64(tensors.count))
        bytes.append(integer: UInt64(pairCount))
        bytes += pairs
        var offset = 0
        for tensor in tensors {
            bytes.append(integer: UInt64(tensor.name.utf8.count))
            bytes += Array(tensor.name.utf8)
            bytes.append(integer: UInt32(tensor.shape.count))
            for size in tensor.shape.reversed() { bytes.append(integer: UInt64(size)) }
            bytes.append(integer: tensor.type.rawValue)
            bytes.append(integer: UInt64(offset))
            offset += tensor.byteCount + Self.padding(after: tensor.byteCount).count
        }
        return bytes + Self.padding(after: bytes.count)
    }

    private static func padding(after count: Int) -> [UInt8] {
        [UInt8](repeating: 0, count: (alignment - count % alignment) % alignment)
    }
}

extension GGUFTensorType {
    /// The types that values can be written in.
    package static let written: [GGUFTensorType] = [.float32, .float16, .q80]

    /// Whole blocks from `values`, finite and within half precision: F32, F16, or Q8_0, where a block's scale is its
    /// largest magnitude by 127 and values are rounded to the nearest step.
    package func encode(_ values: [Float]) -> [UInt8] {
        precondition(values.count.isMultiple(of: blockLength), "whole blocks are encoded")
        var bytes: [UInt8] = []
        bytes.reserveCapacity(values.count / blockLength * blockSize)
        switch self {
        case .float32: for value in values { bytes.append(integer: value.bitPattern) }
        case .float16: for value in values { bytes.append(integer: Float16(value).bitPattern) }
        case .q80:
            for start in stride(from: 0, to: values.count, by: 32) {
                let block = values[start..<start + 32]
                let step = block.reduce(0) { max($0, abs($1)) } / 127
                let factor = step >= .leastNormalMagnitude ? 1 / step : 0
                bytes.append(integer: Float16(step).bitPattern)
                for value in block {
                    // By the rounded step's neighbour a value may end a step beyond the range.
                    let quantum = min(max((value * factor).rounded(), -127), 127)
                    bytes.append(UInt8(bitPattern: Int8(quantum)))
                }
            }
        default: preconditionFailure("\(name) is not written")
        }
        return bytes
    }
}
