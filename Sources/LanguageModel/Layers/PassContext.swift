internal import LinearAlgebra

/// What every layer of one pass needs to know.
struct PassContext {
    let shape: ModelConfiguration
    let workspace: Workspace
    let rotary: RotaryTable
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
}
