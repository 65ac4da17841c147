internal import LinearAlgebra

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
