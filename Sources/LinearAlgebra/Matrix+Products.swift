extension Matrix {
    /// self = scale * op(left) * op(right), plus what self held where `adding` is true; op transposes where asked.
    ///
    /// Self must not overlap a factor.
    package func assignProduct(
        _ left: Matrix, transposingLeft leftTransposed: Bool = false, _ right: Matrix,
        transposingRight rightTransposed: Bool = false, scale: Float = 1, adding: Bool = false
    ) {
        let inner = leftTransposed ? left.rows : left.columns
        precondition(rows == (leftTransposed ? left.columns : left.rows), "the left factor's rows are the result's")
        precondition(
            columns == (rightTransposed ? right.rows : right.columns), "the right factor's columns are the result's")
        precondition(inner == (rightTransposed ? right.columns : right.rows), "the factors' inner sizes agree")
        guard rows > 0 && columns > 0 else { return }
        guard inner > 0 else {
            if !adding { fill(0) }
            return
        }
        BLAS.multiply(
            left.pointer, left.stride, transposed: leftTransposed, right.pointer, right.stride,
            transposed: rightTransposed, into: pointer, stride, rows: rows, columns: columns, inner: inner,
            scale: scale, keep: adding ? 1 : 0)
    }
}
