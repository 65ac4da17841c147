import LinearAlgebra

/// Final norm, output head and cross-entropy, over the rows that carry loss only and a chunk of logits at a time.
struct OutputHead {
    let weights: ModelWeights
    let context: PassContext

    private var workspace: Workspace { context.workspace }

    /// The final residual stream [n, hidden] -> losses [n], one for each loss row of `batch`.
    ///
    /// - Parameter gradientScale: what each row's loss counts; with zero there is no gradient. Otherwise the first rows
    ///   of the residual gradient are overwritten with that of the sum of scaled losses.
    func losses(_ batch: PackedBatch, gradientScale: Float) -> [Float] {
        let count = batch.lossRows.count
        guard count > 0 else { return [] }
        let buffers = workspace.head
        var start = 0
        while start < count {
            let chunk = start..<min(start + buffers.logits.rows, count)
            let logits = logits(of: chunk)
            context.onRows(chunk.count) { _, rows in
                let labels = batch.labels[chunk.lowerBound + rows.lowerBound..<chunk.lowerBound + rows.upperBound]
                logits.rows(rows).applyCrossEntropy(
                    labels: labels, losses: buffers.losses.rows(chunk).rows(rows), gradientScale: gradientScale)
            }
            if gradientScale != 0 { backward(chunk, logitsGradient: logits) }
            start = chunk.upperBound
        }
        return buffers.losses.rows(0..<count).values
    }

    /// The final residual stream [n, hidden] -> logits [n, vocabulary], of some rows, at most a chunk.
    func logits(of rows: Range<Int>) -> Matrix {
        let buffers = workspace.head
        let input = workspace.final.rows(rows)
        let inverse = buffers.inverse.rows(rows)
        let normed = buffers.normed.rows(0..<rows.count)
        context.onRows(rows.count) { _, own in
            normed.rows(own).assignRMSNorm(
                of: input.rows(own), weight: weights.finalNorm, inverse: inverse.rows(own),
                epsilon: Float(context.shape.normEpsilon))
            context.pack(normed, rows: own)
        }
        let logits = buffers.logits.rows(0..<rows.count)
        context.multiply(normed, by: weights.head, into: logits)
        return logits
    }

    /// logitsGradient [n, vocabulary] -> the residual gradient [n, hidden] of the rows of `chunk`, overwritten; a part of
    /// the vocabulary at a time, as packing all of it would take as much memory as the logits.
    private func backward(_ chunk: Range<Int>, logitsGradient: Matrix) {
        let buffers = workspace.head
        let normedGradient = buffers.normedGradient.rows(0..<chunk.count)
        var start = 0
        while start < logitsGradient.columns {
            let part = start..<min(start + HeadBuffers.vocabularyBlock, logitsGradient.columns)
            let block = logitsGradient.columns(part)
            context.onRows(chunk.count) { _, rows in workspace.products.pack(block, rows: rows) }
            workspace.products.multiply(
                by: weights.head, .backward, into: normedGradient, base: start == 0 ? nil : normedGradient, part: part)
            start = part.upperBound
        }
        context.onRows(chunk.count) { _, rows in
            let all = chunk.lowerBound + rows.lowerBound..<chunk.lowerBound + rows.upperBound
            let residual = workspace.residualGradient.rows(all)
            residual.fill(0)
            residual.addRMSNormGradient(
                normedGradient.rows(rows), of: workspace.final.rows(all), weight: weights.finalNorm,
                inverse: buffers.inverse.rows(all))
        }
    }
}

/// The matrices of the output head, one row for each row that carries loss; the logits exist a chunk at a time.
struct HeadBuffers {
    /// The final norm's factors [n, 1].
    let inverse: Matrix
    /// The losses [n, 1].
    let losses: Matrix
    /// The normed residual stream of one chunk [chunk, hidden].
    let normed: Matrix
    /// The gradient towards it [chunk, hidden].
    let normedGradient: Matrix
    /// The logits of one chunk [chunk, vocabulary].
    let logits: Matrix

    // Enough rows for the products' full rate, in whole tiles; half of them where they would take more than 32 MB, and
    // fewer still with the largest vocabularies.
    private static let chunkRows = 264
    private static let wholeChunkValues = 8 << 20
    private static let chunkValues = 16 << 20
    /// How much of the vocabulary the backward pass packs at a time.
    static let vocabularyBlock = 4096

    /// The rows of one chunk of logits.
    static func chunk(rows: Int, shape: ModelConfiguration) -> Int {
        let tile = WeightProducts.tileRows
        let usual = chunkRows * shape.vocabularySize <= wholeChunkValues ? chunkRows : chunkRows / 2
        return max(1, min(rows, usual, max(tile, chunkValues / shape.vocabularySize / tile * tile)))
    }

    /// Cuts the matrices for at most `rows` rows from `arena`.
    init(rows: Int, shape: ModelConfiguration, arena: Arena) {
        let chunk = Self.chunk(rows: rows, shape: shape)
        inverse = arena.matrix(rows: rows, columns: 1)
        losses = arena.matrix(rows: rows, columns: 1)
        normed = arena.matrix(rows: chunk, columns: shape.hiddenSize)
        normedGradient = arena.matrix(rows: chunk, columns: shape.hiddenSize)
        logits = arena.matrix(rows: chunk, columns: shape.vocabularySize)
    }
}
