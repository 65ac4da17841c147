internal import LinearAlgebra

/// The matrices of the output head, one row for each row that carries loss; the logits exist a chunk at a time.
struct HeadBuffers {
    /// The final norm's factors [n, 1].
    let inverse: Matrix
    /// The normed residual stream [n, hidden].
    let normed: Matrix
    /// The gradient of the normed form [n, hidden].
    let normedGradient: Matrix
    /// The losses [n, 1].
    let losses: Matrix
    /// The logits of one chunk [chunk, vocabulary].
    let logits: Matrix

    // Enough rows for the products' full rate; with the largest vocabularies the chunk shrinks.
    private static let chunkRows = 256
    private static let chunkValues = 16 << 20

    /// The rows of one chunk of logits.
    static func chunk(rows: Int, shape: ModelConfiguration) -> Int {
        max(1, min(rows, chunkRows, chunkValues / shape.vocabularySize))
    }

    /// Cuts the matrices for at most `rows` rows from `arena`.
    init(rows: Int, shape: ModelConfiguration, arena: Arena) {
        inverse = arena.matrix(rows: rows, columns: 1)
        normed = arena.matrix(rows: rows, columns: shape.hiddenSize)
        normedGradient = arena.matrix(rows: rows, columns: shape.hiddenSize)
        losses = arena.matrix(rows: rows, columns: 1)
        logits = arena.matrix(rows: Self.chunk(rows: rows, shape: shape), columns: shape.vocabularySize)
    }

    /// The floats that `init` takes from the arena.
    static func size(rows: Int, shape: ModelConfiguration) -> Int {
        2 * Arena.size(rows: rows, columns: shape.hiddenSize) + 2 * Arena.size(rows: rows, columns: 1)
            + Arena.size(rows: chunk(rows: rows, shape: shape), columns: shape.vocabularySize)
    }
}
