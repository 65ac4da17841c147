internal import CKernels

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
