internal import CKernels

extension Matrix {
    /// Self becomes the RMSNorm (Zhang and Sennrich, 2019) of `x` [n, h] with `weight` [1, h]:
    /// y = x · weight / sqrt(mean(x²) + epsilon). `inverse` [n, 1] keeps the factors for the backward pass.
    package func assignRMSNorm(of x: Matrix, weight: FrozenMatrix, inverse: Matrix, epsilon: Float) {
        precondition(rows == x.rows && columns == x.columns && columns == weight.columns, "equal shapes")
        precondition(inverse.isContiguous && inverse.rows * inverse.columns >= rows, "room for a factor a row")
        murmur_rms_norm(
            x.pointer, x.stride, weight.pointer, pointer, stride, inverse.pointer, rows, columns, epsilon)
    }

    /// Adds the gradient of the RMSNorm towards its input `x`, given `gradient`, that of its output.
    package func addRMSNormGradient(_ gradient: Matrix, of x: Matrix, weight: FrozenMatrix, inverse: Matrix) {
        precondition(rows == x.rows && columns == x.columns && columns == weight.columns, "equal shapes")
        precondition(rows == gradient.rows && columns == gradient.columns, "equal shapes")
        precondition(inverse.isContiguous && inverse.rows * inverse.columns >= rows, "a factor a row")
        murmur_rms_norm_backward(
            gradient.pointer, gradient.stride, x.pointer, x.stride, weight.pointer, inverse.pointer, pointer, stride,
            rows, columns)
    }
}
