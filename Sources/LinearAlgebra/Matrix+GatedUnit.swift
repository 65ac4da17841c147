internal import CKernels

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
