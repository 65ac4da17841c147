import CKernels

/// A matrix that never changes: a base model's weight, shared by all peers of a process, kept once and row-major in the
/// form that `storage` says. `WeightProducts` multiplies by it in both directions.
// @unchecked: the buffers are filled before the initialiser returns, are private, and nothing writes to them or hands out
// a writable view of them afterwards, so that reading from several threads is safe.
package final class FrozenMatrix: @unchecked Sendable {
    /// The number of rows: of a weight, the size of the output.
    package let rows: Int
    /// The number of columns: of a weight, the size of the input.
    package let columns: Int
    /// How the values are kept.
    package let storage: WeightStorage
    private let buffer: FloatBuffer
    private let scales: FloatBuffer

    /// A matrix of zeros, to be filled before anybody sees it.
    private init(columns: Int, rows: Int, storage: WeightStorage) {
        precondition(columns > 0 && rows >= 0, "a matrix has a shape")
        self.columns = columns
        self.rows = rows
        self.storage = storage
        // Buffers count floats, whatever lies in them.
        buffer = FloatBuffer(count: (rows * columns * storage.size + 3) / 4)
        scales = FloatBuffer(count: storage == .int8 ? rows : 0)
    }

    /// The rows of `parts` one below the other; each part is row-major with `columns` columns.
    package convenience init(columns: Int, parts: [[Float]], storage: WeightStorage = .float32) {
        self.init(columns: columns, rows: parts.reduce(0) { $0 + $1.count } / columns, storage: storage)
        var row = 0
        for part in parts { row = store(part, at: row) }
        precondition(row == rows, "the parts are the matrix")
    }

    /// The same of parts that are made one after another, so that only one is in memory beside the matrix; together they
    /// have `rows` rows. Throws what making a part throws.
    package convenience init(
        columns: Int, rows: Int, storage: WeightStorage, makingParts parts: [() throws -> [Float]]
    ) throws {
        self.init(columns: columns, rows: rows, storage: storage)
        var row = 0
        for part in parts { row = store(try part(), at: row) }
        precondition(row == rows, "the parts are the matrix")
    }

    /// Stores whole rows from `row` on and gives the row after them.
    private func store(_ values: [Float], at row: Int) -> Int {
        let count = values.count / columns
        precondition(values.count == count * columns && row + count <= rows, "parts consist of whole rows")
        murmur_store(
            storage.kind, values, columns, count, UnsafeMutableRawPointer(buffer.base) + row * columns * storage.size,
            scales.base + (storage == .int8 ? row : 0))
        return row + count
    }

    /// A row of values, for example the weights of a norm.
    package convenience init(row: [Float]) {
        self.init(columns: row.count, parts: [row])
    }

    /// The address of the first value of a matrix of 32-bit floats, for kernels of this module.
    var pointer: UnsafePointer<Float> {
        precondition(storage == .float32, "norms and biases are 32-bit floats")
        return UnsafePointer(buffer.base)
    }

    /// The stored values, in whatever form, and the scales of the rows.
    var stored: UnsafeRawPointer { UnsafeRawPointer(buffer.base) }
    var rowScales: UnsafePointer<Float> { UnsafePointer(scales.base) }

    /// Where some rows and columns lie.
    func block(_ rows: Range<Int>, _ columns: Range<Int>) -> murmur_block {
        let size = storage.size
        return murmur_block(
            start: stored + (rows.lowerBound * self.columns + columns.lowerBound) * size, rows: rows.count,
            bytes: columns.count * size, stride: self.columns * size)
    }

    /// The values, row-major.
    package var values: [Float] {
        let matrix = Matrix(rows: rows, columns: columns)
        copyRows((0..<rows).map(Int32.init), into: matrix)
        return matrix.values
    }

    /// Row i of `output` becomes row `indices[i]`. Every index must be a row.
    package func copyRows(_ indices: [Int32], into output: Matrix) {
        precondition(indices.count == output.rows && output.columns == columns, "one index a row, equal widths")
        for (row, index) in indices.enumerated() {
            precondition(index >= 0 && index < rows, "an index is a row of the matrix")
            murmur_recall(
                storage.kind, stored + Int(index) * columns * storage.size, columns,
                storage == .int8 ? rowScales[Int(index)] : 1, output.pointer + row * output.stride)
        }
    }
}

/// How a frozen weight lies in memory.
package enum WeightStorage: String, Sendable, Hashable, CaseIterable {
    /// 32-bit floats.
    case float32 = "fp32"
    /// bfloat16: half the memory; exact where the checkpoint is bfloat16 itself.
    case bfloat16 = "bf16"
    /// 8-bit integers with one scale a row, the row's largest magnitude by 127: a quarter of the memory.
    case int8

    /// The bytes of a value.
    package var size: Int {
        switch self {
        case .float32: 4
        case .bfloat16: 2
        case .int8: 1
        }
    }

    /// What the kernels call it.
    var kind: Int32 {
        switch self {
        case .float32: Int32(MURMUR_FLOAT32)
        case .bfloat16: Int32(MURMUR_BFLOAT16)
        case .int8: Int32(MURMUR_INT8)
        }
    }
}
