internal import LinearAlgebra

/// The second half of a decoder layer: norm, gate and up, SwiGLU, down, residual.
struct FeedForwardLayer {
    let weights: LayerWeights
    let adapter: LayerAdapter?
    let context: PassContext
    /// The number of rows: all, or in the last layer the wanted ones.
    let rows: Int

    private var shape: ModelConfiguration { context.shape }
    private var workspace: Workspace { context.workspace }

    /// output = middle + down(silu(gate(norm(middle))) · up(norm(middle))).
    func forward(_ layer: LayerActivations, output: Matrix) {
        let n = rows
        let kept = layer.prefix(n)
        let normed = workspace.normed.rows(0..<n)
        normed.assignRMSNorm(
            of: kept.middle, weight: weights.feedForwardNorm, inverse: kept.middleInverse,
            epsilon: Float(shape.normEpsilon))
        weights.gateUp.apply(to: normed, into: kept.gateUp)
        adapter?.gateUp.forward(
            input: normed, output: kept.gateUp, u: kept.gateUpU, dropout: context.dropout,
            scratch: workspace.scratch(rows: n, columns: shape.hiddenSize))
        let unit = workspace.unit.rows(0..<n)
        unit.assignGatedUnit(kept.gateUp)
        output.assign(kept.middle)
        weights.down.apply(to: unit, into: output, adding: true)
        adapter?.down.forward(
            input: unit, output: output, u: kept.downU, dropout: context.dropout,
            scratch: workspace.scratch(rows: n, columns: shape.intermediateSize))
    }

    /// Turns the residual gradient after the layer into that of `middle` and adds the adapters' gradients. Normed
    /// values and the unit's product are computed again, which costs less than keeping them.
    ///
    /// - Parameter stops: whether nothing below this block needs a gradient.
    func backward(_ layer: LayerActivations, stops: Bool) {
        guard let adapter else { return }
        let n = rows
        let kept = layer.prefix(n)
        let residual = workspace.residualGradient.rows(0..<n)
        if stops && adapter.gateUp.modules.isEmpty && adapter.down.modules.isEmpty { return }
        let needsUnit = !stops || !adapter.gateUp.modules.isEmpty
        let unitGradient: Matrix? = needsUnit ? workspace.unitGradient.rows(0..<n) : nil
        if let unitGradient { weights.down.applyTransposed(to: residual, into: unitGradient) }
        if !adapter.down.modules.isEmpty {
            let unit = workspace.unit.rows(0..<n)
            unit.assignGatedUnit(kept.gateUp)
            adapter.down.backward(
                outputGradient: residual, input: unit, u: kept.downU,
                uGradient: workspace.uGradient.reshaped(rows: n, columns: adapter.down.width),
                inputGradient: unitGradient, dropout: context.dropout,
                scratch: workspace.scratch(rows: n, columns: shape.intermediateSize))
        }
        guard let unitGradient else { return }

        let gateUpGradient = workspace.gateUpGradient.rows(0..<n)
        gateUpGradient.assignGatedUnitGradient(unitGradient, gateUp: kept.gateUp)
        let normed = workspace.normed.rows(0..<n)
        if !adapter.gateUp.modules.isEmpty {
            normed.assignRMSNorm(
                of: kept.middle, weight: weights.feedForwardNorm, inverse: kept.middleInverse,
                epsilon: Float(shape.normEpsilon))
        }
        let normedGradient: Matrix? = stops ? nil : workspace.normedGradient.rows(0..<n)
        if let normedGradient { weights.gateUp.applyTransposed(to: gateUpGradient, into: normedGradient) }
        adapter.gateUp.backward(
            outputGradient: gateUpGradient, input: normed, u: kept.gateUpU,
            uGradient: workspace.uGradient.reshaped(rows: n, columns: adapter.gateUp.width),
            inputGradient: normedGradient, dropout: context.dropout,
            scratch: workspace.scratch(rows: n, columns: shape.hiddenSize))
        if let normedGradient {
            residual.addRMSNormGradient(
                normedGradient, of: kept.middle, weight: weights.feedForwardNorm, inverse: kept.middleInverse)
        }
    }
}
