internal import LinearAlgebra

/// Final norm, output head and cross-entropy, over the rows that carry loss only and a chunk of logits at a time.
struct OutputHead {
    let model: BaseModel
    let workspace: Workspace

    /// The losses of `batch`, one for each of its loss rows, from the final residual stream.
    ///
    /// - Parameter gradientScale: what each row's loss counts; with zero there is no gradient. Otherwise the first rows
    ///   of the residual gradient are overwritten with that of the sum of scaled losses.
    func losses(_ batch: PackedBatch, gradientScale: Float) -> [Float] {
        let count = batch.lossRows.count
        guard count > 0 else { return [] }
        let buffers = workspace.head
        let input = workspace.final.rows(0..<count)
        let normed = buffers.normed.rows(0..<count)
        let inverse = buffers.inverse.rows(0..<count)
        normed.assignRMSNorm(
            of: input, weight: model.finalNorm, inverse: inverse, epsilon: Float(model.configuration.normEpsilon))
        let losses = buffers.losses.rows(0..<count)
        let normedGradient = buffers.normedGradient.rows(0..<count)
        var start = 0
        while start < count {
            let chunk = start..<min(start + buffers.logits.rows, count)
            let logits = buffers.logits.rows(0..<chunk.count)
            model.head.apply(to: normed.rows(chunk), into: logits)
            logits.applyCrossEntropy(
                labels: Array(batch.labels[chunk]), losses: losses.rows(chunk), gradientScale: gradientScale)
            if gradientScale != 0 {
                model.head.applyTransposed(to: logits, into: normedGradient.rows(chunk))
            }
            start = chunk.upperBound
        }
        if gradientScale != 0 {
            let residual = workspace.residualGradient.rows(0..<count)
            residual.fill(0)
            residual.addRMSNormGradient(normedGradient, of: input, weight: model.finalNorm, inverse: inverse)
        }
        return losses.values
    }

    /// The logits of the first wanted row.
    func logits() -> [Float] {
        let buffers = workspace.head
        let input = workspace.final.rows(0..<1)
        let normed = buffers.normed.rows(0..<1)
        normed.assignRMSNorm(
            of: input, weight: model.finalNorm, inverse: buffers.inverse.rows(0..<1),
            epsilon: Float(model.configuration.normEpsilon))
        let logits = buffers.logits.rows(0..<1)
        model.head.apply(to: normed, into: logits)
        return logits.values
    }
}
