internal import COpenBLAS

/// OpenBLAS as this project uses it: always at one thread, because its own threads are slower than none on LoRA's
/// narrow products and would take the cores that other peers and the network need.
enum BLAS {
    private static let isHeldAtOneThread: Void = openblas_set_num_threads(1)

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
