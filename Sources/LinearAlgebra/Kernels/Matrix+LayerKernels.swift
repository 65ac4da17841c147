import CKernels

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

extension Matrix {
    /// Self [n, m] becomes silu(gate) · up, where `gateUp` [n, 2m] holds gate, then up (SwiGLU; Shazeer, 2020).
    package func assignGatedUnit(_ gateUp: Matrix) {
        precondition(gateUp.rows == rows && gateUp.columns == 2 * columns, "gate and up have the unit's width")
        murmur_swiglu(gateUp.pointer, gateUp.stride, pointer, stride, rows, columns)
    }

    /// Self [n, 2m] becomes the gradient towards `gateUp`, given that of the unit, `gradient` [n, m].
    package func assignGatedUnitGradient(_ gradient: Matrix, gateUp: Matrix) {
        precondition(gateUp.rows == rows && gateUp.columns == columns, "equal shapes")
        precondition(gradient.rows == rows && 2 * gradient.columns == columns, "gate and up have the unit's width")
        murmur_swiglu_backward(
            gradient.pointer, gradient.stride, gateUp.pointer, gateUp.stride, pointer, stride, rows, gradient.columns)
    }
}

extension Matrix {
    /// The negative log-likelihoods of `labels`, one a row of these logits, written to `losses` [n, 1]. The logits
    /// become gradientScale · (softmax − one-hot), unless that scale is zero: then they stay.
    package func applyCrossEntropy(labels: ArraySlice<Int32>, losses: Matrix, gradientScale: Float) {
        precondition(labels.count == rows && labels.allSatisfy { $0 >= 0 && $0 < columns }, "a label a row")
        precondition(losses.isContiguous && losses.rows * losses.columns >= rows && columns > 0, "room for the losses")
        labels.withUnsafeBufferPointer {
            murmur_cross_entropy(pointer, stride, $0.baseAddress, losses.pointer, rows, columns, gradientScale)
        }
    }
}

/// Which values a dropout drops: a function of a key and a value's place, so that the backward pass finds the same ones
/// without keeping a mask.
package struct Dropout: Sendable {
    /// The key of one application: one module in one step.
    package var key: UInt64
    /// The probability to drop a value, in [0, 1).
    package var probability: Double

    package init(key: UInt64, probability: Double) {
        precondition(probability >= 0 && probability < 1, "a dropout's probability is in [0, 1)")
        self.key = key
        self.probability = probability
    }
}

extension Matrix {
    /// Self becomes `x` with values dropped and the rest scaled by 1 / (1 − probability); with `adding`, that is added
    /// to self. The first row counts as row `firstRow` of the whole.
    package func assignDropout(of x: Matrix, _ dropout: Dropout, firstRow: Int = 0, adding: Bool = false) {
        precondition(rows == x.rows && columns == x.columns, "equal shapes")
        murmur_dropout(
            x.pointer, x.stride, pointer, stride, firstRow, rows, columns, dropout.key,
            UInt32(dropout.probability * 0x1p32), Float(1 / (1 - dropout.probability)), adding ? 1 : 0)
    }
}
