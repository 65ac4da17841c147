import LinearAlgebra

/// The second half of a decoder layer: norm, gate and up, SwiGLU, down, residual.
struct FeedForwardLayer {
    let weights: LayerWeights
    let adapter: LayerAdapter?
    let context: PassContext
    /// The number of rows: all, or in the last layer the wanted ones.
    let count: Int

    private var shape: ModelConfiguration { context.shape }
    private var workspace: Workspace { context.workspace }

    /// output = middle + down(silu(gate(norm(middle))) · up(norm(middle))); without `output`, only what the backward pass
    /// reads is computed.
    func forward(_ layer: LayerActivations, output: Matrix?) {
        let kept = layer.prefix(count)
        let normed = workspace.normed.rows(0..<count)
        context.onRows(count) { part, rows in
            norm(kept, rows)
            adapter?.gateUp.read(
                input: normed.rows(rows), u: kept.gateUpU.rows(rows), workspace.own(part, rows, context.dropout))
            workspace.pack(normed, rows: rows)
        }
        workspace.multiply(normed, by: weights.gateUp, into: kept.gateUp)
        let unit = workspace.unit.rows(0..<count)
        context.onRows(count) { part, rows in
            adapter?.gateUp.write(u: kept.gateUpU.rows(rows), output: kept.gateUp.rows(rows))
            unit.rows(rows).assignGatedUnit(kept.gateUp.rows(rows))
            adapter?.down.read(
                input: unit.rows(rows), u: kept.downU.rows(rows), workspace.own(part, rows, context.dropout))
            if output != nil { workspace.pack(unit, rows: rows) }
        }
        guard let output else { return }
        workspace.multiply(unit, by: weights.down, into: output, base: kept.middle)
        if let adapter, !adapter.down.modules.isEmpty {
            context.onRows(count) { _, rows in
                adapter.down.write(u: kept.downU.rows(rows), output: output.rows(rows))
            }
        }
    }

    private func norm(_ kept: LayerActivations, _ rows: Range<Int>) {
        workspace.normed.rows(rows).assignRMSNorm(
            of: kept.middle.rows(rows), weight: weights.feedForwardNorm, inverse: kept.middleInverse.rows(rows),
            epsilon: Float(shape.normEpsilon))
    }

    /// Turns the residual gradient after the layer into that of `middle` and adds the adapters' gradients. Normed
    /// values and the unit's product are computed again, which costs less than keeping them.
    ///
    /// - Parameter stops: whether nothing below this block needs a gradient.
    func backward(_ layer: LayerActivations, stops: Bool) {
        guard let adapter else { return }
        let kept = layer.prefix(count)
        let residual = workspace.residualGradient.rows(0..<count)
        if stops && adapter.gateUp.modules.isEmpty && adapter.down.modules.isEmpty { return }
        let needsUnit = !stops || !adapter.gateUp.modules.isEmpty
        context.onRows(count) { part, rows in
            if !adapter.down.modules.isEmpty {
                let unit = workspace.unit.rows(rows)
                unit.assignGatedUnit(kept.gateUp.rows(rows))
                adapter.down.backward(
                    outputGradient: residual.rows(rows), input: unit, u: kept.downU.rows(rows),
                    uGradient: workspace.innerGradient(adapter.down, rows), workspace.own(part, rows, context.dropout))
            }
            if needsUnit { workspace.products.pack(residual, rows: rows) }
        }
        guard needsUnit else { return }
        let unitGradient = workspace.unitGradient.rows(0..<count)
        workspace.products.multiply(by: weights.down, .backward, into: unitGradient)

        let gateUpGradient = workspace.gateUpGradient.rows(0..<count)
        context.onRows(count) { part, rows in
            let own = workspace.own(part, rows, context.dropout)
            adapter.down.addInputGradient(
                uGradient: workspace.innerGradient(adapter.down, rows), to: unitGradient.rows(rows), own)
            gateUpGradient.rows(rows).assignGatedUnitGradient(unitGradient.rows(rows), gateUp: kept.gateUp.rows(rows))
            if !adapter.gateUp.modules.isEmpty {
                norm(kept, rows)
                adapter.gateUp.backward(
                    outputGradient: gateUpGradient.rows(rows), input: workspace.normed.rows(rows),
                    u: kept.gateUpU.rows(rows), uGradient: workspace.innerGradient(adapter.gateUp, rows), own)
            }
            if !stops { workspace.products.pack(gateUpGradient, rows: rows) }
        }
        if stops { return }
        let normedGradient = workspace.normedGradient.rows(0..<count)
        workspace.products.multiply(by: weights.gateUp, .backward, into: normedGradient)
        context.onRows(count) { part, rows in
            adapter.gateUp.addInputGradient(
                uGradient: workspace.innerGradient(adapter.gateUp, rows), to: normedGradient.rows(rows),
                workspace.own(part, rows, context.dropout))
            residual.rows(rows).addRMSNormGradient(
                normedGradient.rows(rows), of: kept.middle.rows(rows), weight: weights.feedForwardNorm,
                inverse: kept.middleInverse.rows(rows))
        }
    }
}
