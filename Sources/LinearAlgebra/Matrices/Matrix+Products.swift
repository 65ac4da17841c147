import CKernels
import COpenBLAS

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

/// OpenBLAS as this project uses it: always at one thread, because its own threads are slower than none on LoRA's
/// narrow products and would take the cores that other peers and the network need.
enum BLAS {
    private static let isHeldAtOneThread: Void = openblas_set_num_threads(1)

    /// To be called before any other routine of OpenBLAS.
    static func holdAtOneThread() { _ = isHeldAtOneThread }

    /// C = scale * op(A) * op(B) + keep * C over raw row-major memory.
    @inline(__always)
    static func multiply(
        _ a: UnsafePointer<Float>, _ aStride: Int, transposed aTransposed: Bool,
        _ b: UnsafePointer<Float>, _ bStride: Int, transposed bTransposed: Bool,
        into c: UnsafeMutablePointer<Float>, _ cStride: Int,
        rows: Int, columns: Int, inner: Int, scale: Float, keep: Float
    ) {
        _ = isHeldAtOneThread
        cblas_sgemm(
            CblasRowMajor, aTransposed ? CblasTrans : CblasNoTrans, bTransposed ? CblasTrans : CblasNoTrans,
            blasint(rows), blasint(columns), blasint(inner), scale, a, blasint(aStride), b, blasint(bStride), keep, c,
            blasint(cStride))
    }

    /// y = scale * op(A) * x + keep * y, with A of `rows` times `columns`.
    @inline(__always)
    static func multiply(
        _ a: UnsafePointer<Float>, _ aStride: Int, transposed: Bool, rows: Int, columns: Int,
        vector x: UnsafePointer<Float>, into y: UnsafeMutablePointer<Float>, scale: Float, keep: Float
    ) {
        _ = isHeldAtOneThread
        cblas_sgemv(
            CblasRowMajor, transposed ? CblasTrans : CblasNoTrans, blasint(rows), blasint(columns), scale, a,
            blasint(aStride), x, 1, keep, y, 1)
    }
}
