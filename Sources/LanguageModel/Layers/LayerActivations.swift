import LinearAlgebra

/// What a decoder layer keeps of its forward pass, one row a token.
struct LayerActivations {
    /// The residual stream before the layer [n, hidden].
    var input: Matrix
    /// The norm's factors [n, 1].
    var inputInverse: Matrix
    /// Queries, keys and values after rotation [n, q + 2 kv].
    var queryKeyValue: Matrix
    /// Queries and keys before their heads' norms [n, q + kv], and those norms' factors; empty without such norms.
    var unnormed: Matrix
    var headInverse: Matrix
    /// The heads' outputs [n, q].
    var attended: Matrix
    /// The logarithms of the softmax sums [n, heads].
    var logSums: Matrix
    /// The residual stream between attention and the SwiGLU block [n, hidden].
    var middle: Matrix
    /// The second norm's factors [n, 1].
    var middleInverse: Matrix
    /// Gate and up [n, 2 intermediate].
    var gateUp: Matrix
    /// The inner values of the adapters [n, ranks] of each group.
    var queryKeyValueU: Matrix
    var outputU: Matrix
    var gateUpU: Matrix
    var downU: Matrix

    /// Cuts the matrices for `rows` tokens from `arena`.
    init(rows: Int, shape: ModelConfiguration, innerWidths: [Int]?, arena: Arena) {
        func matrix(_ columns: Int) -> Matrix { arena.matrix(rows: rows, columns: columns) }
        input = matrix(shape.hiddenSize)
        inputInverse = matrix(1)
        queryKeyValue = matrix(shape.queryKeyValueWidth)
        unnormed = matrix(shape.normedWidth)
        headInverse = matrix(shape.normedWidth / shape.headSize)
        attended = matrix(shape.queryWidth)
        logSums = matrix(shape.headCount)
        middle = matrix(shape.hiddenSize)
        middleInverse = matrix(1)
        gateUp = matrix(2 * shape.intermediateSize)
        queryKeyValueU = matrix(innerWidths?[0] ?? 0)
        outputU = matrix(innerWidths?[1] ?? 0)
        gateUpU = matrix(innerWidths?[2] ?? 0)
        downU = matrix(innerWidths?[3] ?? 0)
    }

    /// The floats that `init` takes from the arena.
    static func size(rows: Int, shape: ModelConfiguration, innerWidths: [Int]?) -> Int {
        let widths =
            [
                shape.hiddenSize, 1, shape.queryKeyValueWidth, shape.normedWidth, shape.normedWidth / shape.headSize,
                shape.queryWidth, shape.headCount, shape.hiddenSize, 1,
                2 * shape.intermediateSize,
            ] + (innerWidths ?? [])
        return widths.reduce(0) { $0 + Arena.size(rows: rows, columns: $1) }
    }

    /// The same matrices cut to their first `count` rows.
    func prefix(_ count: Int) -> LayerActivations {
        var result = self
        result.input = input.rows(0..<count)
        result.inputInverse = inputInverse.rows(0..<count)
        result.queryKeyValue = queryKeyValue.rows(0..<count)
        result.unnormed = unnormed.rows(0..<count)
        result.headInverse = headInverse.rows(0..<count)
        result.attended = attended.rows(0..<count)
        result.logSums = logSums.rows(0..<count)
        result.middle = middle.rows(0..<count)
        result.middleInverse = middleInverse.rows(0..<count)
        result.gateUp = gateUp.rows(0..<count)
        result.queryKeyValueU = queryKeyValueU.rows(0..<count)
        result.outputU = outputU.rows(0..<count)
        result.gateUpU = gateUpU.rows(0..<count)
        result.downU = downU.rows(0..<count)
        return result
    }
}

/// The keys and values of one layer for the tokens of a sequence so far.
struct LayerCache {
    private let keys: Matrix
    private let values: Matrix

    /// Room for `capacity` tokens, cut from `arena`.
    init(capacity: Int, shape: ModelConfiguration, arena: Arena) {
        keys = arena.matrix(rows: capacity, columns: shape.keyValueWidth)
        values = arena.matrix(rows: capacity, columns: shape.keyValueWidth)
    }

    /// The floats that `init` takes from the arena.
    static func size(capacity: Int, shape: ModelConfiguration) -> Int {
        2 * Arena.size(rows: capacity, columns: shape.keyValueWidth)
    }

    /// Keeps new rows from `position` on and returns all keys and values up to them.
    func append(keys newKeys: Matrix, values newValues: Matrix, at position: Int) -> (keys: Matrix, values: Matrix) {
        let end = position + newKeys.rows
        keys.rows(position..<end).assign(newKeys)
        values.rows(position..<end).assign(newValues)
        return (keys.rows(0..<end), values.rows(0..<end))
    }
}
