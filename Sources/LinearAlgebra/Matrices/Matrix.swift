/// A view of a row-major matrix of 32-bit floats inside a buffer, which it keeps alive.
///
/// A view has reference semantics: all views of one buffer see the same values. Every view lies within its buffer, so
/// that whatever works on views needs to check shapes only.
package struct Matrix {
    let buffer: FloatBuffer
    let offset: Int
    package let rows: Int
    package let columns: Int
    /// The number of floats from one row to the next.
    package let stride: Int

    init(buffer: FloatBuffer, offset: Int, rows: Int, columns: Int, stride: Int) {
        precondition(rows >= 0 && columns >= 0 && stride >= columns && offset >= 0, "a matrix has a shape")
        // The last row need not have a whole stride behind it: a view of some columns ends with its own.
        let end = rows == 0 ? offset : offset + (rows - 1) * stride + columns
        precondition(end <= buffer.count, "a matrix lies within its buffer")
        self.buffer = buffer
        self.offset = offset
        self.rows = rows
        self.columns = columns
        self.stride = stride
    }

    /// A matrix of zeros with memory of its own.
    package init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "a matrix has a shape")
        self.init(buffer: FloatBuffer(count: rows * columns), offset: 0, rows: rows, columns: columns, stride: columns)
    }

    /// A matrix with memory of its own that holds `values`, row-major.
    package init(rows: Int, columns: Int, values: [Float]) {
        self.init(rows: rows, columns: columns)
        assign(values)
    }

    /// The address of the first value.
    var pointer: UnsafeMutablePointer<Float> { buffer.base + offset }

    /// Whether the rows follow one another without gaps.
    package var isContiguous: Bool { stride == columns || rows <= 1 }

    /// The view of some rows.
    package func rows(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows, "a part of a matrix lies within it")
        return Matrix(
            buffer: buffer, offset: range.isEmpty ? offset : offset + range.lowerBound * stride, rows: range.count,
            columns: columns, stride: stride)
    }

    /// The view of some columns.
    package func columns(_ range: Range<Int>) -> Matrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns, "a part of a matrix lies within it")
        return Matrix(
            buffer: buffer, offset: rows == 0 ? offset : offset + range.lowerBound, rows: rows, columns: range.count,
            stride: stride)
    }

    /// The first values of a contiguous matrix seen in another shape.
    package func reshaped(rows: Int, columns: Int) -> Matrix {
        precondition(isContiguous && rows * columns <= self.rows * self.columns, "the new shape fits")
        return Matrix(buffer: buffer, offset: offset, rows: rows, columns: columns, stride: columns)
    }

    /// One value.
    package subscript(row: Int, column: Int) -> Float {
        get {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns, "an index lies within the matrix")
            return pointer[row * stride + column]
        }
        nonmutating set {
            precondition(row >= 0 && row < rows && column >= 0 && column < columns, "an index lies within the matrix")
            pointer[row * stride + column] = newValue
        }
    }
}
