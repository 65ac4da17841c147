import LinearAlgebra

/// The second half of a decoder layer: norm, gate and up, SwiGLU, down, residual.
struct FeedForwardLayer {
    let weights: LayerWeights
    let adapter: LayerAdapter?
    let context: PassContext
    /// n, the number of rows: all, or in the last layer the wanted ones.
    let count: Int

    private var shape: ModelConfiguration { context.shape }
    private var workspace: Workspace { context.workspace }

    /// middle [n, hidden] -> output [n, hidden]: output = middle + down(silu(gate(norm(middle))) · up(norm(middle))).
    ///
    /// Without `output`, only what the backward pass reads is computed.
    func forward(_ all: LayerActivations, output: Matrix?) {
        let activations = all.firstRows(count)
        let normed = workspace.normed.rows(0..<count)
        context.onRows(count) { part, rows in
            norm(activations, rows)
            adapter?.groups.gateUp.applyA(
                input: normed.rows(rows), inner: activations.inner.gateUp.rows(rows), context.adapterRows(part, rows))
            context.pack(normed, rows: rows)
        }
        context.multiply(normed, by: weights.gateUp, into: activations.gateUp)
        let unit = workspace.unit.rows(0..<count)
        context.onRows(count) { part, rows in
            adapter?.groups.gateUp.applyB(
                inner: activations.inner.gateUp.rows(rows), output: activations.gateUp.rows(rows))
            unit.rows(rows).assignGatedUnit(activations.gateUp.rows(rows))
            adapter?.groups.down.applyA(
                input: unit.rows(rows), inner: activations.inner.down.rows(rows), context.adapterRows(part, rows))
            if output != nil { context.pack(unit, rows: rows) }
        }
        guard let output else { return }
        context.multiply(unit, by: weights.down, into: output, base: activations.middle)
        if let down = adapter?.groups.down, !down.isEmpty {
            context.onRows(count) { _, rows in
                down.applyB(inner: activations.inner.down.rows(rows), output: output.rows(rows))
            }
        }
    }

    /// middle [n, hidden] -> the workspace's normed [n, hidden], in some rows.
    private func norm(_ activations: LayerActivations, _ rows: Range<Int>) {
        workspace.normed.rows(rows).assignRMSNorm(
            of: activations.middle.rows(rows), weight: weights.feedForwardNorm,
            inverse: activations.middleInverse.rows(rows), epsilon: Float(shape.normEpsilon))
    }

    /// The residual gradient after the layer [n, hidden] -> that of middle [n, hidden], in place; adds the adapters'
    /// gradients.
    ///
    /// Normed values and the unit's product are computed again, which costs less than keeping them.
    ///
    /// - Parameter stops: whether nothing below this block needs a gradient.
    func backward(_ all: LayerActivations, stops: Bool) {
        guard let groups = adapter?.groups else { return }
        let activations = all.firstRows(count)
        let residual = workspace.residualGradient.rows(0..<count)
        if stops && groups.gateUp.isEmpty && groups.down.isEmpty { return }
        let needsUnit = !stops || !groups.gateUp.isEmpty
        context.onRows(count) { part, rows in
            if !groups.down.isEmpty {
                let unit = workspace.unit.rows(rows)
                unit.assignGatedUnit(activations.gateUp.rows(rows))
                groups.down.backward(
                    outputGradient: residual.rows(rows), input: unit, inner: activations.inner.down.rows(rows),
                    innerGradient: workspace.innerGradient(groups.down, rows), context.adapterRows(part, rows))
            }
            if needsUnit { workspace.products.pack(residual, rows: rows) }
        }
        guard needsUnit else { return }
        let unitGradient = workspace.unitGradient.rows(0..<count)
        workspace.products.multiply(by: weights.down, .backward, into: unitGradient)

        let gateUpGradient = workspace.gateUpGradient.rows(0..<count)
        context.onRows(count) { part, rows in
            let adapterRows = context.adapterRows(part, rows)
            // down's inner gradient is still in the workspace: gate and up overwrite it only after this.
            groups.down.addInputGradient(
                innerGradient: workspace.innerGradient(groups.down, rows), to: unitGradient.rows(rows), adapterRows)
            gateUpGradient.rows(rows).assignGatedUnitGradient(
                unitGradient.rows(rows), gateUp: activations.gateUp.rows(rows))
            if !groups.gateUp.isEmpty {
                norm(activations, rows)
                groups.gateUp.backward(
                    outputGradient: gateUpGradient.rows(rows), input: workspace.normed.rows(rows),
                    inner: activations.inner.gateUp.rows(rows),
                    innerGradient: workspace.innerGradient(groups.gateUp, rows), adapterRows)
            }
            if !stops { workspace.products.pack(gateUpGradient, rows: rows) }
        }
        if stops { return }
        let normedGradient = workspace.normedGradient.rows(0..<count)
        workspace.products.multiply(by: weights.gateUp, .backward, into: normedGradient)
        context.onRows(count) { part, rows in
            groups.gateUp.addInputGradient(
                innerGradient: workspace.innerGradient(groups.gateUp, rows), to: normedGradient.rows(rows),
                context.adapterRows(part, rows))
            // The residual's own gradient stays: the block's input goes around it as well as through it.
            residual.rows(rows).addRMSNormGradient(
                normedGradient.rows(rows), of: activations.middle.rows(rows), weight: weights.feedForwardNorm,
                inverse: activations.middleInverse.rows(rows))
        }
    }
}
