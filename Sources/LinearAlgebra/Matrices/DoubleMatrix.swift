import COpenBLAS

/// A matrix in double precision with storage of its own, column after column: for the small factorizations of averaging,
/// where single precision would lose what is compared.
package struct DoubleMatrix: Sendable, Equatable {
    package let rows: Int
    package let columns: Int
    /// Always `rows · columns` of them: the first column, then the second, and so on.
    package internal(set) var values: [Double]

    /// A matrix of zeros.
    package init(rows: Int, columns: Int) {
        precondition(rows >= 0 && columns >= 0, "sizes are not negative")
        self.rows = rows
        self.columns = columns
        values = [Double](repeating: 0, count: rows * columns)
    }

    /// A matrix of given values, column after column.
    package init(rows: Int, columns: Int, values: [Double]) {
        precondition(rows >= 0 && columns >= 0 && values.count == rows * columns, "as many values as places")
        self.rows = rows
        self.columns = columns
        self.values = values
    }

    package subscript(row: Int, column: Int) -> Double {
        get { values[column * rows + row] }
        set { values[column * rows + row] = newValue }
    }

    /// The columns `range`.
    package func columns(_ range: Range<Int>) -> DoubleMatrix {
        DoubleMatrix(
            rows: rows, columns: range.count, values: Array(values[range.lowerBound * rows..<range.upperBound * rows]))
    }

    package var transposed: DoubleMatrix {
        var result = DoubleMatrix(rows: columns, columns: rows)
        for column in 0..<columns {
            for row in 0..<rows { result[column, row] = self[row, column] }
        }
        return result
    }

    /// Multiplies column k by `factors[k]`.
    package mutating func scaleColumns(by factors: [Double]) {
        precondition(factors.count == columns, "one factor a column")
        for column in 0..<columns {
            for place in column * rows..<(column + 1) * rows { values[place] *= factors[column] }
        }
    }

    /// Adds `weight · other`, in place.
    package mutating func add(_ other: DoubleMatrix, times weight: Double) {
        precondition(rows == other.rows && columns == other.columns, "equal shapes")
        for place in values.indices { values[place] += weight * other.values[place] }
    }

    /// The sum of the squares of all values.
    package var squaredNorm: Double { values.reduce(0) { $0 + $1 * $1 } }

    /// op(self) · op(other), where op transposes if asked.
    package func product(
        transposed isTransposed: Bool = false, _ other: DoubleMatrix, transposingRight: Bool = false
    ) -> DoubleMatrix {
        let (outer, inner) = isTransposed ? (columns, rows) : (rows, columns)
        let (otherInner, width) = transposingRight ? (other.columns, other.rows) : (other.rows, other.columns)
        precondition(inner == otherInner, "the factors' inner sizes agree")
        var result = DoubleMatrix(rows: outer, columns: width)
        guard outer > 0, width > 0, inner > 0 else { return result }
        BLAS.holdAtOneThread()
        cblas_dgemm(
            CblasColMajor, isTransposed ? CblasTrans : CblasNoTrans, transposingRight ? CblasTrans : CblasNoTrans,
            blasint(outer), blasint(width), blasint(inner), 1, values, blasint(rows), other.values,
            blasint(other.rows), 0, &result.values, blasint(outer))
        return result
    }

    /// selfᵀ · self: the products of all columns with each other, in `rows · columns²` multiplications and additions.
    package var gram: DoubleMatrix {
        var result = DoubleMatrix(rows: columns, columns: columns)
        guard columns > 0, rows > 0 else { return result }
        BLAS.holdAtOneThread()
        cblas_dsyrk(
            CblasColMajor, CblasUpper, CblasTrans, blasint(columns), blasint(rows), 1, values, blasint(rows), 0,
            &result.values, blasint(columns))
        for column in 0..<columns {
            for row in 0..<column { result[column, row] = result[row, column] }
        }
        return result
    }
}

extension DoubleMatrix {
    /// Matrices of equal height side by side; one at least.
    package static func joined(_ matrices: [DoubleMatrix]) -> DoubleMatrix {
        precondition(matrices.allSatisfy { $0.rows == matrices[0].rows }, "what stands side by side is equally high")
        return DoubleMatrix(
            rows: matrices[0].rows, columns: matrices.reduce(0) { $0 + $1.columns },
            values: Array(matrices.map(\.values).joined()))
    }

    package static func + (left: DoubleMatrix, right: DoubleMatrix) -> DoubleMatrix {
        precondition(left.rows == right.rows && left.columns == right.columns, "equal shapes")
        return DoubleMatrix(
            rows: left.rows, columns: left.columns, values: zip(left.values, right.values).map { $0 + $1 })
    }

    package static func - (left: DoubleMatrix, right: DoubleMatrix) -> DoubleMatrix {
        precondition(left.rows == right.rows && left.columns == right.columns, "equal shapes")
        return DoubleMatrix(
            rows: left.rows, columns: left.columns, values: zip(left.values, right.values).map { $0 - $1 })
    }

    package static func * (left: DoubleMatrix, right: Double) -> DoubleMatrix {
        DoubleMatrix(rows: left.rows, columns: left.columns, values: left.values.map { $0 * right })
    }
}
