internal import LinearAlgebra

/// The modules' part of the two passes, over some rows of a pass: each part of the team has rows of its own, and gradients
/// of its own to add to.
extension LowRankGroup {
    /// Some rows of a pass, as one part of the team computes them.
    struct Rows {
        /// The number of the part.
        let part: Int
        /// Where the first row lies in the pass, for dropout.
        let first: Int
        let dropout: DropoutPlan?
        /// Room for the rows of an input with values dropped; empty without dropout.
        let scratch: Matrix
    }

    /// U = drop(X) Aᵀ, which is kept for the backward pass: `x` [n, in], `u` [n, width or more].
    func read(input x: Matrix, u: Matrix, _ rows: Rows) {
        guard !modules.isEmpty else { return }
        guard let dropout = rows.dropout else {
            u.columns(0..<width).assignRowProducts(x, a)
            return
        }
        let scratch = rows.scratch.reshaped(rows: x.rows, columns: x.columns)
        for module in modules {
            scratch.assignDropout(of: x, dropout.dropout(module: module.number), firstRow: rows.first)
            u.columns(module.ranks).assignRowProducts(scratch, a.rows(module.ranks))
        }
    }

    /// Y += s U Bᵀ.
    func write(u: Matrix, output y: Matrix) {
        for module in modules {
            y.columns(module.outputs).addNarrowProduct(u.columns(module.ranks), module.b, scale: module.scaling)
        }
    }

    /// dU = s dY B and the gradients of the factors: dB += s dYᵀ U, dA += dUᵀ drop(X). `uGradient` [n, width] is
    /// overwritten.
    func backward(outputGradient dy: Matrix, input x: Matrix, u: Matrix, uGradient du: Matrix, _ rows: Rows) {
        for module in modules {
            let part = dy.columns(module.outputs)
            du.columns(module.ranks).assignRowProducts(part, module.b, scale: module.scaling)
            module.bGradients[rows.part].addNarrowProduct(
                u.columns(module.ranks), transposingLeft: true, part, scale: module.scaling)
        }
        guard !modules.isEmpty else { return }
        guard let dropout = rows.dropout else {
            aGradients[rows.part].addNarrowProduct(du, transposingLeft: true, x)
            return
        }
        let scratch = rows.scratch.reshaped(rows: x.rows, columns: x.columns)
        for module in modules {
            scratch.assignDropout(of: x, dropout.dropout(module: module.number), firstRow: rows.first)
            aGradients[rows.part].rows(module.ranks).addNarrowProduct(
                du.columns(module.ranks), transposingLeft: true, scratch)
        }
    }

    /// dX += drop(dU A).
    func addInputGradient(uGradient du: Matrix, to dx: Matrix, _ rows: Rows) {
        guard !modules.isEmpty else { return }
        guard let dropout = rows.dropout else {
            dx.addNarrowProduct(du, a)
            return
        }
        let scratch = rows.scratch.reshaped(rows: dx.rows, columns: dx.columns)
        for module in modules {
            scratch.addNarrowProduct(du.columns(module.ranks), a.rows(module.ranks), adding: false)
            dx.assignDropout(
                of: scratch, dropout.dropout(module: module.number), firstRow: rows.first, adding: true)
        }
    }
}
