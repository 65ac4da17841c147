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

    /// Takes over the values of `source` from `start` on, which hold the transpose, row-major.
    package func assignTransposed(_ source: [Float], from start: Int) {
        precondition(start >= 0 && start + rows * columns <= source.count, "the source has the values")
        source.withUnsafeBufferPointer { source in
            guard let base = source.baseAddress else { return }
            for column in 0..<columns {
                for row in 0..<rows { pointer[row * stride + column] = base[start + column * rows + row] }
            }
        }
    }

    /// Copies the transpose, row-major, into `destination` from `start` on.
    package func copyTransposed(into destination: inout [Float], at start: Int) {
        precondition(start >= 0 && start + rows * columns <= destination.count, "the destination has room")
        destination.withUnsafeMutableBufferPointer { destination in
            guard let base = destination.baseAddress else { return }
            for column in 0..<columns {
                for row in 0..<rows { base[start + column * rows + row] = pointer[row * stride + column] }
            }
        }
    }

    /// Takes over the values of a matrix of the same shape.
    package func assign(_ other: Matrix) {
        precondition(rows == other.rows && columns == other.columns, "equal shapes")
        // One block copy where no row has a gap.
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
    package func gather(rows indices: ArraySlice<Int32>, of source: Matrix) {
        precondition(indices.count == rows && columns == source.columns, "one index a row, equal widths")
        for (row, index) in indices.enumerated() {
            precondition(index >= 0 && index < source.rows, "an index lies within the source")
            (pointer + row * stride).update(from: source.pointer + Int(index) * source.stride, count: columns)
        }
    }

    /// The opposite of gathering, in place: row i of the first `indices.count` rows moves to row `indices[i]`, all
    /// other rows become zero. The indices ascend.
    package func spread(rows indices: [Int32]) {
        precondition(indices.count <= rows && (indices.last.map { $0 < rows } ?? true), "the indices lie within")
        // An ascending index is never below its place, so from the end on nothing is overwritten before it moved.
        var place = indices.count - 1
        for row in (0..<rows).reversed() {
            let target = pointer + row * stride
            if place >= 0 && Int(indices[place]) == row {
                if place != row { target.update(from: pointer + place * stride, count: columns) }
                place -= 1
            } else {
                target.update(repeating: 0, count: columns)
            }
        }
        precondition(place < 0, "the indices ascend from zero")
    }
}
