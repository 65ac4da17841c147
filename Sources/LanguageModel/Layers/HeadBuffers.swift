internal import LinearAlgebra

/// The matrices of the output head, one row for each row that carries loss; the logits exist a chunk at a time.
struct HeadBuffers {
    /// The final norm's factors [n, 1].
    let inverse: Matrix
    /// The losses [n, 1].
    let losses: Matrix
    /// The normed residual stream of one chunk [chunk, hidden], and the gradient towards it.
    let normed: Matrix
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

    /// The floats that `init` takes from the arena.
    static func size(rows: Int, shape: ModelConfiguration) -> Int {
        let chunk = chunk(rows: rows, shape: shape)
        return 2 * Arena.size(rows: chunk, columns: shape.hiddenSize) + 2 * Arena.size(rows: rows, columns: 1)
            + Arena.size(rows: chunk, columns: shape.vocabularySize)
    }
}
