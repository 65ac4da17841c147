internal import LinearAlgebra

/// What every layer of one pass needs to know.
struct PassContext {
    let shape: ModelConfiguration
    let workspace: Workspace
    /// Which rows are rotated by which table.
    let rotations: [(rows: Range<Int>, table: RotaryTable)]
    /// Each row's position in its sequence.
    let positions: [Int32]
    /// Where each sequence lies.
    let sequences: [PackedSequence]
    /// The pieces of attention that each part of the team computes.
    let pieces: [[AttentionPiece]]
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

    // Rows that a part takes at a time: what one step of a block reads and writes stays in a processor's own cache for
    // the next step.
    private static let blockRows = 2 * WeightProducts.tileRows

    /// Calls `body` for each part of the team with its number and its rows of `count`, a block of whole tiles at a time,
    /// all parts at the same time.
    func onRows(_ count: Int, _ body: (_ part: Int, _ rows: Range<Int>) -> Void) {
        let team = workspace.team
        // Rows that cannot be shared are not worth waking anybody.
        if count <= WeightProducts.tileRows {
            if count > 0 { body(0, 0..<count) }
            return
        }
        team.run { part in
            let rows = team.rows(count, part: part)
            var start = rows.lowerBound
            while start < rows.upperBound {
                let end = min(start + Self.blockRows, rows.upperBound)
                body(part, start..<end)
                start = end
            }
        }
    }

    /// Rotates `rows` of queries and keys `x` [n, q + kv] in place by their positions; `backward` turns a gradient back.
    func rotate(_ x: Matrix, rows: Range<Int>, backward: Bool = false) {
        for rotation in rotations {
            let own = rotation.rows.clamped(to: rows)
            guard !own.isEmpty else { continue }
            rotation.table.rotate(x.rows(own), positions: positions[own], backward: backward)
        }
    }
}
