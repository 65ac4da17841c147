internal import CKernels

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
