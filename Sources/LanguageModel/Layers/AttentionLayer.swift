internal import LinearAlgebra

/// The first half of a decoder layer: norm, q/k/v, rotation, attention, o, residual.
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

    /// middle = input + o(attention(norm(input))); in the last layer `middle` and what follows have only the wanted
    /// rows. With a `cache`, which holds one sequence, the rows continue it.
    func forward(_ kept: LayerActivations, cache: LayerCache? = nil) {
        let n = context.rows
        let normed = workspace.normed.rows(0..<n)
        normed.assignRMSNorm(
            of: kept.input, weight: weights.attentionNorm, inverse: kept.inputInverse,
            epsilon: Float(shape.normEpsilon))
        let joint = kept.queryKeyValue
        weights.queryKeyValueBias?.fillRows(of: joint)
        weights.queryKeyValue.apply(to: normed, into: joint, adding: weights.queryKeyValueBias != nil)
        adapter?.queryKeyValue.forward(
            input: normed, output: joint, u: kept.queryKeyValueU, dropout: context.dropout,
            scratch: workspace.scratch(rows: n, columns: shape.hiddenSize))
        if weights.queryNorm != nil { normaliseHeads(kept) }
        context.rotate(joint.columns(context.rotatedColumns))

        let attention = CausalAttention(shape, workspace, window: window)
        if let cache {
            let (keys, values) = cache.append(
                keys: joint.columns(context.keyColumns), values: joint.columns(context.valueColumns),
                at: Int(context.positions[0]))
            attention.forward(
                queries: joint.columns(context.queryColumns), keys: keys, values: values, output: kept.attended,
                logSums: kept.logSums)
        } else {
            for range in context.ranges {
                let own = joint.rows(range)
                attention.forward(
                    queries: own.columns(context.queryColumns), keys: own.columns(context.keyColumns),
                    values: own.columns(context.valueColumns), output: kept.attended.rows(range),
                    logSums: kept.logSums.rows(range))
            }
        }
        let out = isLast ? context.wanted.count : n
        let middle = kept.middle.rows(0..<out)
        let attended = selectedAttended(kept)
        if isLast { middle.gather(rows: context.wanted, of: kept.input) } else { middle.assign(kept.input) }
        weights.output.apply(to: attended, into: middle, adding: true)
        adapter?.output.forward(
            input: attended, output: middle, u: kept.outputU.rows(0..<out), dropout: context.dropout,
            scratch: workspace.scratch(rows: out, columns: shape.queryWidth))
    }

    /// The heads' outputs that o reads: all, or the wanted rows gathered anew.
    private func selectedAttended(_ kept: LayerActivations) -> Matrix {
        guard isLast else { return kept.attended }
        let selected = workspace.wantedAttended.rows(0..<context.wanted.count)
        selected.gather(rows: context.wanted, of: kept.attended)
        return selected
    }

    /// Turns the gradient of `middle`, which the residual gradient holds in its first rows, into that of `input` and
    /// adds the adapters' gradients. In the lowest layer nothing needs the input's gradient: there it only does what adapters need.
    func backward(_ kept: LayerActivations, isLowest: Bool) {
        guard let adapter else { return }
        let n = context.rows
        let out = isLast ? context.wanted.count : n
        let residual = workspace.residualGradient.rows(0..<n)
        if isLowest && adapter.queryKeyValue.modules.isEmpty && adapter.output.modules.isEmpty { return }
        let needsAttention = !isLowest || !adapter.queryKeyValue.modules.isEmpty
        let attended: Matrix? = needsAttention ? workspace.attendedGradient.rows(0..<n) : nil
        if let attended { weights.output.applyTransposed(to: residual.rows(0..<out), into: attended.rows(0..<out)) }
        adapter.output.backward(
            outputGradient: residual.rows(0..<out), input: selectedAttended(kept), u: kept.outputU.rows(0..<out),
            uGradient: workspace.uGradient.reshaped(rows: out, columns: adapter.output.width),
            inputGradient: attended?.rows(0..<out), dropout: context.dropout,
            scratch: workspace.scratch(rows: out, columns: shape.queryWidth))
        guard let attended else { return }
        if isLast {
            attended.spread(rows: context.wanted)
            residual.spread(rows: context.wanted)
        }

        let joint = workspace.queryKeyValueGradient.rows(0..<n)
        backwardAttention(kept, outputGradient: attended, joint: joint)
        context.rotate(joint.columns(context.rotatedColumns), backward: true)
        if weights.queryNorm != nil { backwardHeads(kept, joint: joint) }

        let normed = workspace.normed.rows(0..<n)
        if !adapter.queryKeyValue.modules.isEmpty {
            normed.assignRMSNorm(
                of: kept.input, weight: weights.attentionNorm, inverse: kept.inputInverse,
                epsilon: Float(shape.normEpsilon))
        }
        let normedGradient: Matrix? = isLowest ? nil : workspace.normedGradient.rows(0..<n)
        if let normedGradient { weights.queryKeyValue.applyTransposed(to: joint, into: normedGradient) }
        adapter.queryKeyValue.backward(
            outputGradient: joint, input: normed, u: kept.queryKeyValueU,
            uGradient: workspace.uGradient.reshaped(rows: n, columns: adapter.queryKeyValue.width),
            inputGradient: normedGradient, dropout: context.dropout,
            scratch: workspace.scratch(rows: n, columns: shape.hiddenSize))
        if let normedGradient {
            residual.addRMSNormGradient(
                normedGradient, of: kept.input, weight: weights.attentionNorm, inverse: kept.inputInverse)
        }
    }

    private func backwardAttention(_ kept: LayerActivations, outputGradient: Matrix, joint: Matrix) {
        let attention = CausalAttention(shape, workspace, window: window)
        for range in context.ranges {
            let own = kept.queryKeyValue.rows(range)
            let gradient = joint.rows(range)
            attention.backward(
                queries: own.columns(context.queryColumns), keys: own.columns(context.keyColumns),
                values: own.columns(context.valueColumns), output: kept.attended.rows(range),
                logSums: kept.logSums.rows(range), outputGradient: outputGradient.rows(range),
                queryGradient: gradient.columns(context.queryColumns),
                keyGradient: gradient.columns(context.keyColumns),
                valueGradient: gradient.columns(context.valueColumns))
        }
    }
}
