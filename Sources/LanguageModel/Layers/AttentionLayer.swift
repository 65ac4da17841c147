import LinearAlgebra

/// The first half of a decoder layer: norm, q/k/v, rotation, attention, o, residual.
///
/// Steps over rows, where every part of the team has rows of its own, alternate with products and attention, which all
/// parts share.
struct AttentionLayer {
    let weights: LayerWeights
    let adapter: LayerAdapter?
    let context: PassContext
    /// Whether this is the last layer, whose output is computed for the wanted rows only.
    let isLast: Bool
    /// How many tokens a query looks back over, its own counted; nil for all.
    let window: Int?

    private var shape: ModelConfiguration { context.shape }
    private var workspace: Workspace { context.workspace }
    /// The number of rows from o on.
    private var outRows: Int { isLast ? context.wanted.count : context.rows }

    /// middle = input + o(attention(norm(input))); in the last layer `middle` and what follows have only the wanted
    /// rows. With a `cache`, which holds one sequence, the rows continue it.
    func forward(_ kept: LayerActivations, cache: LayerCache? = nil) {
        let joint = kept.queryKeyValue
        let normed = workspace.normed.rows(0..<context.rows)
        context.onRows(context.rows) { part, rows in
            norm(kept, rows)
            adapter?.queryKeyValue.read(
                input: normed.rows(rows), u: kept.queryKeyValueU.rows(rows), workspace.own(part, rows, context.dropout))
            workspace.pack(normed, rows: rows)
        }
        workspace.multiply(normed, by: weights.queryKeyValue, into: joint, bias: weights.queryKeyValueBias)
        context.onRows(context.rows) { _, rows in
            adapter?.queryKeyValue.write(u: kept.queryKeyValueU.rows(rows), output: joint.rows(rows))
            if weights.queryNorm != nil { normaliseHeads(kept, rows: rows) }
            context.rotate(joint.columns(context.rotatedColumns), rows: rows)
        }
        let cached = cache?.append(
            keys: joint.columns(context.keyColumns), values: joint.columns(context.valueColumns),
            at: Int(context.positions[0]))
        CausalAttention(context, window: window)
            .forward(joint: joint, cached: cached, output: kept.attended, logSums: kept.logSums)

        let out = outRows
        let middle = kept.middle.rows(0..<out)
        let attended = isLast ? workspace.wantedAttended.rows(0..<out) : kept.attended
        context.onRows(out) { part, rows in
            if isLast {
                attended.rows(rows).gather(rows: context.wanted[rows], of: kept.attended)
                middle.rows(rows).gather(rows: context.wanted[rows], of: kept.input)
            }
            adapter?.output.read(
                input: attended.rows(rows), u: kept.outputU.rows(rows), workspace.own(part, rows, context.dropout))
            workspace.pack(attended, rows: rows)
        }
        workspace.multiply(attended, by: weights.output, into: middle, base: isLast ? middle : kept.input)
        if let adapter, !adapter.output.modules.isEmpty {
            context.onRows(out) { _, rows in
                adapter.output.write(u: kept.outputU.rows(rows), output: middle.rows(rows))
            }
        }
    }

    private func norm(_ kept: LayerActivations, _ rows: Range<Int>) {
        workspace.normed.rows(rows).assignRMSNorm(
            of: kept.input.rows(rows), weight: weights.attentionNorm, inverse: kept.inputInverse.rows(rows),
            epsilon: Float(shape.normEpsilon))
    }

    /// Turns the gradient of `middle`, which the residual gradient holds in its first rows, into that of `input` and
    /// adds the adapters' gradients. In the lowest layer nothing needs the input's gradient: there it only does what
    /// adapters need.
    func backward(_ kept: LayerActivations, isLowest: Bool) {
        guard let adapter else { return }
        let out = outRows
        let residual = workspace.residualGradient.rows(0..<context.rows)
        if isLowest && adapter.queryKeyValue.modules.isEmpty && adapter.output.modules.isEmpty { return }
        let needsAttention = !isLowest || !adapter.queryKeyValue.modules.isEmpty
        let attended = isLast ? workspace.wantedAttended.rows(0..<out) : kept.attended
        let outGradient = residual.rows(0..<out)
        context.onRows(out) { part, rows in
            if isLast { attended.rows(rows).gather(rows: context.wanted[rows], of: kept.attended) }
            adapter.output.backward(
                outputGradient: outGradient.rows(rows), input: attended.rows(rows), u: kept.outputU.rows(rows),
                uGradient: workspace.innerGradient(adapter.output, rows), workspace.own(part, rows, context.dropout))
            if needsAttention { workspace.products.pack(outGradient, rows: rows) }
        }
        guard needsAttention else { return }
        let attendedGradient = workspace.attendedGradient.rows(0..<context.rows)
        workspace.products.multiply(by: weights.output, .backward, into: attendedGradient.rows(0..<out))
        if !adapter.output.modules.isEmpty {
            context.onRows(out) { part, rows in
                adapter.output.addInputGradient(
                    uGradient: workspace.innerGradient(adapter.output, rows), to: attendedGradient.rows(rows),
                    workspace.own(part, rows, context.dropout))
            }
        }
        if isLast {
            attendedGradient.spread(rows: context.wanted)
            residual.spread(rows: context.wanted)
        }
        backwardAttention(kept, adapter, outputGradient: attendedGradient, isLowest: isLowest)
    }

    /// The rest of the way down, from the gradient of the heads' outputs.
    private func backwardAttention(
        _ kept: LayerActivations, _ adapter: LayerAdapter, outputGradient: Matrix, isLowest: Bool
    ) {
        let group = adapter.queryKeyValue
        let joint = workspace.queryKeyValueGradient.rows(0..<context.rows)
        let attention = CausalAttention(context, window: window)
        attention.backward(
            joint: kept.queryKeyValue, output: kept.attended, logSums: kept.logSums, outputGradient: outputGradient,
            gradient: joint)
        let normed = workspace.normed.rows(0..<context.rows)
        context.onRows(context.rows) { part, rows in
            attention.gather(into: joint, rows: rows)
            context.rotate(joint.columns(context.rotatedColumns), rows: rows, backward: true)
            if weights.queryNorm != nil { backwardHeads(kept, joint: joint, rows: rows) }
            if !group.modules.isEmpty {
                norm(kept, rows)
                group.backward(
                    outputGradient: joint.rows(rows), input: normed.rows(rows), u: kept.queryKeyValueU.rows(rows),
                    uGradient: workspace.innerGradient(group, rows), workspace.own(part, rows, context.dropout))
            }
            if !isLowest { workspace.products.pack(joint, rows: rows) }
        }
        if isLowest { return }
        let normedGradient = workspace.normedGradient.rows(0..<context.rows)
        workspace.products.multiply(by: weights.queryKeyValue, .backward, into: normedGradient)
        context.onRows(context.rows) { part, rows in
            group.addInputGradient(
                uGradient: workspace.innerGradient(group, rows), to: normedGradient.rows(rows),
                workspace.own(part, rows, context.dropout))
            workspace.residualGradient.rows(rows).addRMSNormGradient(
                normedGradient.rows(rows), of: kept.input.rows(rows), weight: weights.attentionNorm,
                inverse: kept.inputInverse.rows(rows))
        }
    }
}

/// The norms of queries and keys that Qwen3 has: an RMSNorm over each head, before the rotation.
extension AttentionLayer {
    /// Norms every head of queries and keys in place in some rows, keeping what they were for the backward pass.
    func normaliseHeads(_ kept: LayerActivations, rows: Range<Int>) {
        let unnormed = kept.unnormed.rows(rows)
        let joint = kept.queryKeyValue.rows(rows)
        unnormed.assign(joint.columns(context.rotatedColumns))
        forEachHead(kept, rows: rows) { columns, weight, inverse in
            joint.columns(columns).assignRMSNorm(
                of: unnormed.columns(columns), weight: weight, inverse: inverse,
                epsilon: Float(context.shape.normEpsilon))
        }
    }

    /// Turns the gradient of the normed queries and keys in some rows of `joint` into that of what they were before.
    func backwardHeads(_ kept: LayerActivations, joint: Matrix, rows: Range<Int>) {
        let scratch = context.workspace.headGradient.rows(rows)
        let joint = joint.rows(rows)
        forEachHead(kept, rows: rows) { columns, weight, inverse in
            scratch.fill(0)
            scratch.addRMSNormGradient(
                joint.columns(columns), of: kept.unnormed.rows(rows).columns(columns), weight: weight,
                inverse: inverse)
            joint.columns(columns).assign(scratch)
        }
    }

    /// Calls `body` with the columns of each head of queries and keys, its norm's weights and the rows' factors [n, 1].
    private func forEachHead(
        _ kept: LayerActivations, rows: Range<Int>, _ body: (Range<Int>, FrozenMatrix, Matrix) -> Void
    ) {
        guard let queryNorm = weights.queryNorm, let keyNorm = weights.keyNorm else { return }
        let shape = context.shape
        let heads = shape.headCount + shape.keyValueHeadCount
        // The factors lie head after head here, so that those of one head are contiguous.
        let inverses = kept.headInverse.reshaped(rows: heads, columns: kept.headInverse.rows)
        for head in 0..<heads {
            body(
                head * shape.headSize..<(head + 1) * shape.headSize, head < shape.headCount ? queryNorm : keyNorm,
                inverses.rows(head..<head + 1).columns(rows).reshaped(rows: rows.count, columns: 1))
        }
    }
}
