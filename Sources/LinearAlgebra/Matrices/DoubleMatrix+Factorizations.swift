import COpenBLAS

/// A = Q·R with Q of `rows × k` orthonormal columns and R of `k × columns`, k the smaller of A's sizes.
package struct ThinQR: Sendable {
    /// The reflections that make up Q, below R, as LAPACK keeps them.
    private let reflections: DoubleMatrix
    private let scales: [Double]

    fileprivate init(reflections: DoubleMatrix, scales: [Double]) {
        self.reflections = reflections
        self.scales = scales
    }

    /// k.
    package var rank: Int { scales.count }

    /// R: zero below the diagonal.
    package var upper: DoubleMatrix {
        var result = DoubleMatrix(rows: rank, columns: reflections.columns)
        for column in 0..<reflections.columns {
            for row in 0..<min(column + 1, rank) { result[row, column] = reflections[row, column] }
        }
        return result
    }

    /// Q · `coordinates`, which has k rows.
    package func expanded(_ coordinates: DoubleMatrix) -> DoubleMatrix {
        precondition(coordinates.rows == rank, "there is one coordinate for each column of Q")
        var result = DoubleMatrix(rows: reflections.rows, columns: coordinates.columns)
        for column in 0..<coordinates.columns {
            for row in 0..<rank { result[row, column] = coordinates[row, column] }
        }
        guard rank > 0, result.columns > 0 else { return result }
        BLAS.holdAtOneThread()
        let (rows, columns, count) = (blasint(result.rows), blasint(result.columns), blasint(rank))
        LAPACK.run { work, length, info in
            withUnsafePointers(rows, columns, count) { rows, columns, count in
                dormqr_(
                    "L", "N", rows, columns, count, reflections.values, rows, scales, &result.values, rows, work,
                    length, info, 1, 1)
            }
        }
        return result
    }
}

/// A = U·diag(σ)·Vᵀ with k singular values, k the smaller of A's sizes.
package struct SingularValues: Sendable {
    /// U: `rows × k`, orthonormal columns.
    package let left: DoubleMatrix
    /// σ: descending, none below zero.
    package let values: [Double]
    /// Vᵀ: `k × columns`, orthonormal rows.
    package let right: DoubleMatrix
}

extension DoubleMatrix {
    /// The QR decomposition by Householder reflections (LAPACK's dgeqrf). One thread, so that the same matrix gives the
    /// same bits.
    package var thinQR: ThinQR {
        var reflections = self
        var scales = [Double](repeating: 0, count: min(rows, columns))
        guard !scales.isEmpty else { return ThinQR(reflections: reflections, scales: scales) }
        BLAS.holdAtOneThread()
        LAPACK.run { work, length, info in
            withUnsafePointers(blasint(rows), blasint(columns), 0) { rows, columns, _ in
                dgeqrf_(rows, columns, &reflections.values, rows, &scales, work, length, info)
            }
        }
        return ThinQR(reflections: reflections, scales: scales)
    }

    /// The singular value decomposition (LAPACK's dgesdd); nil where a value is not finite, or the iteration does not
    /// converge. One thread, so that the same matrix gives the same bits.
    package var singularValues: SingularValues? {
        let count = min(rows, columns)
        guard values.allSatisfy(\.isFinite) else { return nil }
        guard count > 0 else {
            return SingularValues(
                left: DoubleMatrix(rows: rows, columns: 0), values: [], right: DoubleMatrix(rows: 0, columns: columns))
        }
        var matrix = self
        var sigma = [Double](repeating: 0, count: count)
        var left = DoubleMatrix(rows: rows, columns: count)
        var right = DoubleMatrix(rows: count, columns: columns)
        var whole = [blasint](repeating: 0, count: 8 * count)
        BLAS.holdAtOneThread()
        let failure = LAPACK.run { work, length, info in
            withUnsafePointers(blasint(rows), blasint(columns), blasint(count)) { rows, columns, count in
                dgesdd_(
                    "S", rows, columns, &matrix.values, rows, &sigma, &left.values, rows, &right.values, count, work,
                    length, &whole, info, 1)
            }
        }
        return failure == 0 ? SingularValues(left: left, values: sigma, right: right) : nil
    }
}

private func withUnsafePointers<Result>(
    _ first: blasint, _ second: blasint, _ third: blasint,
    _ body: (UnsafePointer<blasint>, UnsafePointer<blasint>, UnsafePointer<blasint>) -> Result
) -> Result {
    withUnsafePointer(to: first) { first in
        withUnsafePointer(to: second) { second in
            withUnsafePointer(to: third) { third in body(first, second, third) }
        }
    }
}

/// How LAPACK is called: once to be told how much room it wants, and once with it.
private enum LAPACK {
    typealias Routine = (UnsafeMutablePointer<Double>, UnsafePointer<blasint>, UnsafeMutablePointer<blasint>) -> Void

    /// - Returns: zero, or how far an iteration came that did not converge.
    @discardableResult
    static func run(_ routine: Routine) -> Int {
        var info: blasint = 0
        var wish = 0.0
        withUnsafePointer(to: -1) { routine(&wish, $0, &info) }
        precondition(info == 0, "LAPACK is called with sizes that fit")
        var work = [Double](repeating: 0, count: max(1, Int(wish)))
        withUnsafePointer(to: blasint(work.count)) { length in
            work.withUnsafeMutableBufferPointer { routine($0.baseAddress!, length, &info) }
        }
        precondition(info >= 0, "LAPACK is called with sizes that fit")
        return Int(info)
    }
}
