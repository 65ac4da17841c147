internal import LinearAlgebra

/// What every layer of one pass needs to know.
struct PassContext {
    let shape: ModelConfiguration
    let workspace: Workspace
    /// Which rows are rotated by which table.
    let rotations: [(rows: Range<Int>, table: RotaryTable)]
    /// Each row's position in its sequence.
    let positions: [Int32]
    /// The rows of each sequence.
    let ranges: [Range<Int>]
    /// The rows whose output is asked for, ascending: from the last layer's attention on, only they are computed.
    let wanted: [Int32]
    /// The adapters' dropout; nil outside training.
    let dropout: DropoutPlan?

    /// The number of tokens.
    var rows: Int { positions.count }
    /// The columns of queries, keys and values in their joint matrix.
    var queryColumns: Range<Int> { 0..<shape.queryWidth }
    var keyColumns: Range<Int> { shape.queryWidth..<shape.queryWidth + shape.keyValueWidth }
    var valueColumns: Range<Int> { shape.queryWidth + shape.keyValueWidth..<shape.queryKeyValueWidth }
    /// The columns that are rotated: queries and keys.
    var rotatedColumns: Range<Int> { 0..<shape.queryWidth + shape.keyValueWidth }

    /// Rotates queries and keys `x` [n, q + kv] in place by their positions; `backward` turns a gradient back.
    func rotate(_ x: Matrix, backward: Bool = false) {
        for (rows, table) in rotations {
            table.rotate(x.rows(rows), positions: Array(positions[rows]), backward: backward)
        }
    }
}
