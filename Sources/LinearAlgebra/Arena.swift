/// One allocation from which matrices are cut when an engine is set up, so that a step allocates nothing.
package final class Arena {
    private let buffer: FloatBuffer
    private var used = 0

    // Rows of different matrices never share a cache line.
    private static let granule = 16

    /// An arena for `capacity` floats; `Arena.size(of:_:)` says what a matrix takes.
    package init(capacity: Int) {
        buffer = FloatBuffer(count: capacity)
    }

    /// The number of floats that a matrix of this shape takes.
    package static func size(rows: Int, columns: Int) -> Int {
        (rows * columns + granule - 1) / granule * granule
    }

    /// The number of floats not yet cut.
    package var remaining: Int { buffer.count - used }

    /// Cuts a matrix of zeros. The capacity must suffice.
    package func matrix(rows: Int, columns: Int) -> Matrix {
        let size = Self.size(rows: rows, columns: columns)
        precondition(size <= remaining, "the arena holds what was planned")
        defer { used += size }
        return Matrix(buffer: buffer, offset: used, rows: rows, columns: columns, stride: columns)
    }
}
