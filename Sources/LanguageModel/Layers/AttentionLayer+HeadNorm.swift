internal import LinearAlgebra

/// The norms of queries and keys that Qwen3 has: an RMSNorm over each head, before the rotation.
extension AttentionLayer {
    /// Norms every head of queries and keys in place, keeping what they were for the backward pass.
    func normaliseHeads(_ kept: LayerActivations) {
        kept.unnormed.assign(kept.queryKeyValue.columns(context.rotatedColumns))
        forEachHead(kept) { columns, weight, inverse in
            kept.queryKeyValue.columns(columns).assignRMSNorm(
                of: kept.unnormed.columns(columns), weight: weight, inverse: inverse,
                epsilon: Float(context.shape.normEpsilon))
        }
    }

    /// Turns the gradient of the normed queries and keys in `joint` into that of what they were before.
    func backwardHeads(_ kept: LayerActivations, joint: Matrix) {
        let scratch = context.workspace.headGradient.rows(0..<context.rows)
        forEachHead(kept) { columns, weight, inverse in
            scratch.fill(0)
            scratch.addRMSNormGradient(
                joint.columns(columns), of: kept.unnormed.columns(columns), weight: weight, inverse: inverse)
            joint.columns(columns).assign(scratch)
        }
    }

    /// Calls `body` with the columns of each head of queries and keys, its norm's weights and its factors [n, 1].
    private func forEachHead(_ kept: LayerActivations, _ body: (Range<Int>, FrozenMatrix, Matrix) -> Void) {
        guard let queryNorm = weights.queryNorm, let keyNorm = weights.keyNorm else { return }
        let shape = context.shape
        let heads = shape.headCount + shape.keyValueHeadCount
        // The factors lie head after head here, so that those of one head are contiguous.
        let inverses = kept.headInverse.reshaped(rows: heads, columns: kept.headInverse.rows)
        for head in 0..<heads {
            body(
                head * shape.headSize..<(head + 1) * shape.headSize, head < shape.headCount ? queryNorm : keyNorm,
                inverses.rows(head..<head + 1).reshaped(rows: inverses.columns, columns: 1))
        }
    }
}
