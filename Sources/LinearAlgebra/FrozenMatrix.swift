/// A matrix that never changes: a base model's weight, shared by all peers of a process.
///
/// This is the seam behind which other storage (bfloat16, prepacked panels) can come: users only ask for products and
/// for rows.
// @unchecked: the buffer is filled before the initialiser returns, is private, and nothing writes to it or hands out a
// writable view of it afterwards, so that reading from several threads is safe.
package final class FrozenMatrix: @unchecked Sendable {
    /// The number of rows: of a weight, the size of the output.
    package let rows: Int
    /// The number of columns: of a weight, the size of the input.
    package let columns: Int
    private let buffer: FloatBuffer

    /// The rows of `parts` one below the other; each part is row-major with `columns` columns.
    package init(columns: Int, parts: [[Float]]) {
        precondition(
            columns > 0 && parts.allSatisfy { $0.count.isMultiple(of: columns) }, "parts consist of whole rows")
        self.columns = columns
        rows = parts.reduce(0) { $0 + $1.count } / columns
        buffer = FloatBuffer(count: rows * columns)
        var row = 0
        for part in parts {
            let count = part.count / columns
            Matrix(buffer: buffer, offset: row * columns, rows: count, columns: columns, stride: columns).assign(part)
            row += count
        }
    }

    /// A row of values, for example the weights of a norm.
    package convenience init(row: [Float]) {
        self.init(columns: row.count, parts: [row])
    }

    /// The address of the first value, for kernels of this module.
    var pointer: UnsafePointer<Float> { UnsafePointer(buffer.base) }

    /// The values, row-major.
    package var values: [Float] { Array(UnsafeBufferPointer(start: pointer, count: rows * columns)) }

    /// output = input · selfᵀ, the forward pass of a linear map; `input` [n, columns], `output` [n, rows]. With
    /// `adding`, the product is added to what `output` holds.
    package func apply(to input: Matrix, into output: Matrix, adding: Bool = false) {
        precondition(input.columns == columns && output.columns == rows, "the widths are the map's")
        precondition(input.rows == output.rows, "as many rows out as in")
        guard input.rows > 0 else { return }
        if input.rows == 1 {
            BLAS.multiply(
                pointer, columns, transposed: false, rows: rows, columns: columns, vector: input.pointer,
                into: output.pointer, scale: 1, keep: adding ? 1 : 0)
            return
        }
        BLAS.multiply(
            input.pointer, input.stride, transposed: false, pointer, columns, transposed: true, into: output.pointer,
            output.stride, rows: input.rows, columns: rows, inner: columns, scale: 1, keep: adding ? 1 : 0)
    }

    /// output = gradient · self, the backward pass towards the input; `gradient` [n, rows], `output` [n, columns].
    package func applyTransposed(to gradient: Matrix, into output: Matrix, adding: Bool = false) {
        precondition(gradient.columns == rows && output.columns == columns, "the widths are the map's")
        precondition(gradient.rows == output.rows, "as many rows out as in")
        guard gradient.rows > 0 else { return }
        BLAS.multiply(
            gradient.pointer, gradient.stride, transposed: false, pointer, columns, transposed: false,
            into: output.pointer, output.stride, rows: gradient.rows, columns: columns, inner: rows, scale: 1,
            keep: adding ? 1 : 0)
    }

    /// Row i of `output` becomes row `indices[i]`. Every index must be a row.
    package func copyRows(_ indices: [Int32], into output: Matrix) {
        precondition(indices.count == output.rows && output.columns == columns, "one index a row, equal widths")
        for (row, index) in indices.enumerated() {
            precondition(index >= 0 && index < rows, "an index is a row of the matrix")
            (output.pointer + row * output.stride).update(from: pointer + Int(index) * columns, count: columns)
        }
    }

    /// Every row of `output` becomes the one row of this matrix.
    package func fillRows(of output: Matrix) {
        precondition(rows == 1 && output.columns == columns, "one row of the same width")
        for row in 0..<output.rows {
            (output.pointer + row * output.stride).update(from: pointer, count: columns)
        }
    }
}
