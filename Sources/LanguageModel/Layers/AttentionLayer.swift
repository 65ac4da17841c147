import LinearAlgebra

/// The first half of a decoder layer: norm, q/k/v, rotation, attention, o, residual.
///
/// Steps over rows, where every part of the team has rows of its own, alternate with products and attention, which all
/// parts share.
struct AttentionLayer {
    let weights: LayerWeights
    let adapter: LayerAdapter?
    let context: PassContext
    /// The number of the layer.
    let index: Int

    private var shape: ModelConfiguration { context.shape }
    /// Whether this is the last layer, whose output is computed for the wanted rows only.
    private var isLast: Bool { index + 1 == shape.layerCount }
    /// How many tokens a query looks back over, its own counted; nil for all.
    private var window: Int? { shape.attentionWindow(layer: index) }
    private var workspace: Workspace { context.workspace }
    /// The number of rows from o on.
    private var outRows: Int { isLast ? context.wanted.count : context.rows }

    /// input [n, hidden] -> middle [n, hidden], or in the last layer of the wanted rows only:
    /// middle = input + o(attention(norm(input))).
    ///
    /// With `caches`, one for each sequence, the rows continue what those hold.
    func forward(_ activations: LayerActivations, caches: [LayerCache] = []) {
        let joint = activations.queryKeyValue
        let normed = workspace.normed.rows(0..<context.rows)
        context.onRows(context.rows) { part, rows in
            norm(activations, rows)
            adapter?.groups.queryKeyValue.applyA(
                input: normed.rows(rows), inner: activations.inner.queryKeyValue.rows(rows),
                context.adapterRows(part, rows))
            context.pack(normed, rows: rows)
        }
        context.multiply(normed, by: weights.queryKeyValue, into: joint, bias: weights.queryKeyValueBias)
        context.onRows(context.rows) { _, rows in
            adapter?.groups.queryKeyValue.applyB(
                inner: activations.inner.queryKeyValue.rows(rows), output: joint.rows(rows))
            if weights.queryNorm != nil { normaliseHeads(activations, rows: rows) }
            context.rotate(joint.columns(context.rotatedColumns), rows: rows)
        }
        let (keys, values) = (joint.columns(context.keyColumns), joint.columns(context.valueColumns))
        let cached = zip(caches, context.sequences).map { cache, sequence in
            cache.append(
                keys: keys.rows(sequence.rows), values: values.rows(sequence.rows),
                at: Int(context.positions[sequence.rows.lowerBound]))
        }
        CausalAttention(context, window: window)
            .forward(joint: joint, cached: cached, output: activations.attended, logSums: activations.logSums)

        let out = outRows
        let middle = activations.middle.rows(0..<out)
        let attended = isLast ? workspace.wantedAttended.rows(0..<out) : activations.attended
        context.onRows(out) { part, rows in
            // From here on the last layer computes the wanted rows alone: the head reads no others.
            if isLast {
                attended.rows(rows).gather(rows: context.wanted[rows], of: activations.attended)
                middle.rows(rows).gather(rows: context.wanted[rows], of: activations.input)
            }
            adapter?.groups.output.applyA(
                input: attended.rows(rows), inner: activations.inner.output.rows(rows), context.adapterRows(part, rows))
            context.pack(attended, rows: rows)
        }
        // The residual is the product's base, which saves a pass over the rows; the last layer has gathered it already.
        context.multiply(attended, by: weights.output, into: middle, base: isLast ? middle : activations.input)
        if let group = adapter?.groups.output, !group.isEmpty {
            context.onRows(out) { _, rows in
                group.applyB(inner: activations.inner.output.rows(rows), output: middle.rows(rows))
            }
        }
    }

    /// input [n, hidden] -> the workspace's normed [n, hidden], in some rows.
    private func norm(_ activations: LayerActivations, _ rows: Range<Int>) {
        workspace.normed.rows(rows).assignRMSNorm(
            of: activations.input.rows(rows), weight: weights.attentionNorm,
            inverse: activations.inputInverse.rows(rows),
            epsilon: Float(shape.normEpsilon))
    }

    /// The residual gradient of middle, in its first rows [n, hidden] -> that of input [n, hidden], in place; adds the
    /// adapters' gradients.
    ///
    /// In the lowest layer nothing needs the input's gradient: there it only does what adapters need.
    func backward(_ activations: LayerActivations, isLowest: Bool) {
        guard let groups = adapter?.groups else { return }
        let out = outRows
        let residual = workspace.residualGradient.rows(0..<context.rows)
        if isLowest && groups.queryKeyValue.isEmpty && groups.output.isEmpty { return }
        let needsAttention = !isLowest || !groups.queryKeyValue.isEmpty
        let attended = isLast ? workspace.wantedAttended.rows(0..<out) : activations.attended
        let outGradient = residual.rows(0..<out)
        context.onRows(out) { part, rows in
            if isLast { attended.rows(rows).gather(rows: context.wanted[rows], of: activations.attended) }
            groups.output.backward(
                outputGradient: outGradient.rows(rows), input: attended.rows(rows),
                inner: activations.inner.output.rows(rows),
                innerGradient: workspace.innerGradient(groups.output, rows), context.adapterRows(part, rows))
            if needsAttention { workspace.products.pack(outGradient, rows: rows) }
        }
        guard needsAttention else { return }
        let attendedGradient = workspace.attendedGradient.rows(0..<context.rows)
        workspace.products.multiply(by: weights.output, .backward, into: attendedGradient.rows(0..<out))
        if !groups.output.isEmpty {
            context.onRows(out) { part, rows in
                groups.output.addInputGradient(
                    innerGradient: workspace.innerGradient(groups.output, rows), to: attendedGradient.rows(rows),
                    context.adapterRows(part, rows))
            }
        }
        // Back to a row for every token: keys and values of the rows that nobody asked for have gradients too.
        if isLast {
            attendedGradient.spread(rows: context.wanted)
            residual.spread(rows: context.wanted)
        }
        backwardAttention(activations, groups.queryKeyValue, outputGradient: attendedGradient, isLowest: isLowest)
    }

    /// The gradient of the heads' outputs [n, q] -> the residual gradient of input [n, hidden], added to: the rest of the
    /// way down.
    private func backwardAttention(
        _ activations: LayerActivations, _ group: LowRankGroup, outputGradient: Matrix, isLowest: Bool
    ) {
        let joint = workspace.queryKeyValueGradient.rows(0..<context.rows)
        let attention = CausalAttention(context, window: window)
        attention.backward(
            joint: activations.queryKeyValue, output: activations.attended, logSums: activations.logSums,
            outputGradient: outputGradient,
            gradient: joint)
        let normed = workspace.normed.rows(0..<context.rows)
        context.onRows(context.rows) { part, rows in
            attention.gather(into: joint, rows: rows)
            context.rotate(joint.columns(context.rotatedColumns), rows: rows, backward: true)
            if weights.queryNorm != nil { backwardHeads(activations, joint: joint, rows: rows) }
            if !group.isEmpty {
                // Computed again, which costs less than keeping it for every layer.
                norm(activations, rows)
                group.backward(
                    outputGradient: joint.rows(rows), input: normed.rows(rows),
                    inner: activations.inner.queryKeyValue.rows(rows),
                    innerGradient: workspace.innerGradient(group, rows), context.adapterRows(part, rows))
            }
            if !isLowest { workspace.products.pack(joint, rows: rows) }
        }
        if isLowest { return }
        let normedGradient = workspace.normedGradient.rows(0..<context.rows)
        workspace.products.multiply(by: weights.queryKeyValue, .backward, into: normedGradient)
        context.onRows(context.rows) { part, rows in
            group.addInputGradient(
                innerGradient: workspace.innerGradient(group, rows), to: normedGradient.rows(rows),
                context.adapterRows(part, rows))
            workspace.residualGradient.rows(rows).addRMSNormGradient(
                normedGradient.rows(rows), of: activations.input.rows(rows), weight: weights.attentionNorm,
                inverse: activations.inputInverse.rows(rows))
        }
    }
}

/// The norms of queries and keys that Qwen3 has: an RMSNorm over each head, before the rotation.
extension AttentionLayer {
    /// Queries and keys [n, q + kv] -> every head of them normed, in place in some rows; what they were is kept for the
    /// backward pass.
    func normaliseHeads(_ activations: LayerActivations, rows: Range<Int>) {
        let unnormed = activations.unnormed.rows(rows)
        let joint = activations.queryKeyValue.rows(rows)
        unnormed.assign(joint.columns(context.rotatedColumns))
        forEachHead(activations, rows: rows) { columns, weight, inverse in
            joint.columns(columns).assignRMSNorm(
                of: unnormed.columns(columns), weight: weight, inverse: inverse,
                epsilon: Float(context.shape.normEpsilon))
        }
    }

    /// The gradient of normed queries and keys [n, q + kv] -> that of what they were before, in place in some rows of
    /// `joint`.
    func backwardHeads(_ activations: LayerActivations, joint: Matrix, rows: Range<Int>) {
        let scratch = context.workspace.headGradient.rows(rows)
        let joint = joint.rows(rows)
        forEachHead(activations, rows: rows) { columns, weight, inverse in
            scratch.fill(0)
            scratch.addRMSNormGradient(
                joint.columns(columns), of: activations.unnormed.rows(rows).columns(columns), weight: weight,
                inverse: inverse)
            joint.columns(columns).assign(scratch)
        }
    }

    /// Calls `body` with the columns of each head of queries and keys, its norm's weights and the rows' factors [n, 1].
    private func forEachHead(
        _ activations: LayerActivations, rows: Range<Int>, _ body: (Range<Int>, FrozenMatrix, Matrix) -> Void
    ) {
        guard let queryNorm = weights.queryNorm, let keyNorm = weights.keyNorm else { return }
        let shape = context.shape
        let heads = shape.headCount + shape.keyValueHeadCount
        // The factors lie head after head here, so that those of one head are contiguous.
        let inverses = activations.headInverse.reshaped(rows: heads, columns: activations.headInverse.rows)
        for head in 0..<heads {
            body(
                head * shape.headSize..<(head + 1) * shape.headSize, head < shape.headCount ? queryNorm : keyNorm,
                inverses.rows(head..<head + 1).columns(rows).reshaped(rows: rows.count, columns: 1))
        }
    }
}
