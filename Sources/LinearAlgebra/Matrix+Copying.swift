extension Matrix {
    /// The values, row-major.
    package var values: [Float] {
        var result: [Float] = []
        result.reserveCapacity(rows * columns)
        for row in 0..<rows {
            result.append(contentsOf: UnsafeBufferPointer(start: pointer + row * stride, count: columns))
        }
        return result
    }

    /// Takes over `values`, row-major, exactly as many as the matrix has.
    package func assign(_ values: [Float]) {
        assign(values, from: 0)
        precondition(values.count == rows * columns, "as many values as the matrix has")
    }

    /// Takes over the values of `source` from `start` on, row-major.
    package func assign(_ source: [Float], from start: Int) {
        precondition(start >= 0 && start + rows * columns <= source.count, "the source has the values")
        source.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            for row in 0..<rows {
                (pointer + row * stride).update(from: base + start + row * columns, count: columns)
            }
        }
    }

    /// Copies the values, row-major, into `destination` from `start` on.
    package func copy(into destination: inout [Float], at start: Int) {
        precondition(start >= 0 && start + rows * columns <= destination.count, "the destination has room")
        destination.withUnsafeMutableBufferPointer { destination in
            guard let base = destination.baseAddress else { return }
            for row in 0..<rows {
                (base + start + row * columns).update(from: pointer + row * stride, count: columns)
            }
        }
    }

    /// Takes over the values of a matrix of the same shape.
    package func assign(_ other: Matrix) {
        precondition(rows == other.rows && columns == other.columns, "equal shapes")
        if isContiguous && other.isContiguous {
            pointer.update(from: other.pointer, count: rows * columns)
            return
        }
        for row in 0..<rows {
            (pointer + row * stride).update(from: other.pointer + row * other.stride, count: columns)
        }
    }

    /// Sets every value.
    package func fill(_ value: Float) {
        for row in 0..<rows { (pointer + row * stride).update(repeating: value, count: columns) }
    }

    /// Row i becomes row `indices[i]` of `source`.
    package func gather(rows indices: [Int32], of source: Matrix) {
        precondition(indices.count == rows && columns == source.columns, "one index a row, equal widths")
        for (row, index) in indices.enumerated() {
            precondition(index >= 0 && index < source.rows, "an index lies within the source")
            (pointer + row * stride).update(from: source.pointer + Int(index) * source.stride, count: columns)
        }
    }

    /// Row `indices[i]` becomes row i of `source`.
    package func scatter(rows indices: [Int32], of source: Matrix) {
        precondition(indices.count == source.rows && columns == source.columns, "one index a row, equal widths")
        for (row, index) in indices.enumerated() {
            precondition(index >= 0 && index < rows, "an index lies within the matrix")
            (pointer + Int(index) * stride).update(from: source.pointer + row * source.stride, count: columns)
        }
    }
}
