internal import CKernels

extension Matrix {
    /// Raw scores become probabilities, row by row: softmax(scale · score) over the first `visible` + r columns of row
    /// r, of those over the last `window` only, zero elsewhere. `logSums` [n, 1] keeps the logarithms of the sums.
    package func applyCausalSoftmax(visible: Int, window: Int = .max, scale: Float, logSums: Matrix) {
        precondition(
            visible > 0 && window > 0 && visible + rows - 1 <= columns && logSums.rows == rows && columns > 0,
            "every row sees a column")
        murmur_causal_softmax(
            pointer, stride, logSums.pointer, logSums.stride, rows, columns, visible, window, scale)
    }

    /// Raw scores become the same probabilities again with the sums that the forward pass kept.
    package func recallCausalSoftmax(visible: Int, window: Int = .max, scale: Float, logSums: Matrix) {
        precondition(
            visible > 0 && window > 0 && visible + rows - 1 <= columns && logSums.rows == rows && columns > 0,
            "every row sees a column")
        murmur_causal_probabilities(
            pointer, stride, logSums.pointer, logSums.stride, rows, columns, visible, window, scale)
    }

    /// The gradient of probabilities becomes that of the raw scores: P · (dP − sums) · scale, where `sums` [n, 1] is
    /// the row sum of P · dP.
    package func applySoftmaxGradient(probabilities: Matrix, sums: Matrix, scale: Float) {
        precondition(rows == probabilities.rows && columns == probabilities.columns, "equal shapes")
        precondition(sums.isContiguous && sums.rows * sums.columns >= rows, "a sum a row")
        murmur_softmax_backward(
            probabilities.pointer, probabilities.stride, pointer, stride, sums.pointer, rows, columns, scale)
    }

    /// Self [n, 1] becomes the dot products of the rows of `left` and `right`.
    package func assignRowDots(_ left: Matrix, _ right: Matrix) {
        precondition(left.rows == right.rows && left.columns == right.columns, "equal shapes")
        precondition(isContiguous && rows * columns >= left.rows, "room for a sum a row")
        murmur_row_dots(
            left.pointer, left.stride, right.pointer, right.stride, pointer, left.rows, left.columns)
    }

    /// The negative log-likelihoods of `labels`, one a row of these logits, written to `losses` [n, 1]. The logits
    /// become gradientScale · (softmax − one-hot), unless that scale is zero: then they stay.
    package func applyCrossEntropy(labels: [Int32], losses: Matrix, gradientScale: Float) {
        precondition(labels.count == rows && labels.allSatisfy { $0 >= 0 && $0 < columns }, "a label a row")
        precondition(losses.isContiguous && losses.rows * losses.columns >= rows && columns > 0, "room for the losses")
        murmur_cross_entropy(pointer, stride, labels, losses.pointer, rows, columns, gradientScale)
    }
}
