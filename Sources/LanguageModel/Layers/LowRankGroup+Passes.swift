internal import LinearAlgebra

extension LowRankGroup {
    /// Adds the modules' part to the group's output: U = drop(X) Aᵀ, Y += s U Bᵀ. `u` [n, width or more] is kept for
    /// the backward pass; `scratch` [n, in] is overwritten where there is dropout.
    func forward(input x: Matrix, output y: Matrix, u wide: Matrix, dropout: DropoutPlan?, scratch: Matrix) {
        guard !modules.isEmpty else { return }
        let u = wide.columns(0..<width)
        if let dropout {
            for module in modules {
                scratch.assignDropout(of: x, dropout.dropout(module: module.number))
                u.columns(module.ranks).assignProduct(scratch, a.rows(module.ranks), transposingRight: true)
            }
        } else {
            u.assignProduct(x, a, transposingRight: true)
        }
        for module in modules {
            y.columns(module.outputs)
                .assignProduct(
                    u.columns(module.ranks), module.b, transposingRight: true, scale: module.scaling, adding: true)
        }
    }

    /// Adds the gradients of the factors and, where `inputGradient` is given, of the input:
    /// dU = s dY B, dB += s dYᵀ U, dA += dUᵀ drop(X), dX += drop(dU A). `uGradient` [n, width] and `scratch` [n, in]
    /// are overwritten.
    func backward(
        outputGradient dy: Matrix, input x: Matrix, u: Matrix, uGradient du: Matrix, inputGradient dx: Matrix?,
        dropout: DropoutPlan?, scratch: Matrix
    ) {
        guard !modules.isEmpty else { return }
        for module in modules {
            let part = dy.columns(module.outputs)
            du.columns(module.ranks).assignProduct(part, module.b, scale: module.scaling)
            module.bGradient.assignProduct(
                part, transposingLeft: true, u.columns(module.ranks), scale: module.scaling, adding: true)
        }
        guard let dropout else {
            aGradient.assignProduct(du, transposingLeft: true, x, adding: true)
            dx?.assignProduct(du, a, adding: true)
            return
        }
        for module in modules {
            let drop = dropout.dropout(module: module.number)
            let part = du.columns(module.ranks)
            scratch.assignDropout(of: x, drop)
            aGradient.rows(module.ranks).assignProduct(part, transposingLeft: true, scratch, adding: true)
            if let dx {
                scratch.assignProduct(part, a.rows(module.ranks))
                dx.assignDropout(of: scratch, drop, adding: true)
            }
        }
    }
}
