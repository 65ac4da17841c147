internal import CKernels

/// The products of LoRA's factors: one side has a few rows or columns only, so that packing would not pay.
extension Matrix {
    /// self [n, outs] = scale · x · wᵀ for few rows of `w` [outs, inner].
    package func assignRowProducts(_ x: Matrix, _ w: Matrix, scale: Float = 1) {
        precondition(x.columns == w.columns && x.rows == rows && w.rows == columns, "the factors' sizes agree")
        murmur_row_products(
            x.pointer, x.stride, w.pointer, w.stride, x.columns, pointer, stride, rows, columns, scale)
    }

    /// self += scale · op(left) · right, or without what self held unless `adding`; op transposes where asked. One of
    /// left's sizes is small.
    package func addNarrowProduct(
        _ left: Matrix, transposingLeft: Bool = false, _ right: Matrix, scale: Float = 1, adding: Bool = true
    ) {
        let inner = transposingLeft ? left.rows : left.columns
        precondition(rows == (transposingLeft ? left.columns : left.rows), "the left factor's rows are the result's")
        precondition(columns == right.columns && inner == right.rows, "the factors' sizes agree")
        murmur_narrow_product(
            left.pointer, transposingLeft ? 1 : left.stride, transposingLeft ? left.stride : 1, right.pointer,
            right.stride, inner, pointer, stride, rows, columns, scale, adding ? 1 : 0)
    }

    /// self += other, of the same shape.
    package func add(_ other: Matrix) {
        precondition(rows == other.rows && columns == other.columns, "equal shapes")
        murmur_add(other.pointer, other.stride, pointer, stride, rows, columns)
    }
}
