import LinearAlgebra

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
    /// Whether every row continues a text of its own. Then all that is computed for a row is computed as for a pass of it
    /// alone, to the last bit: a text is the same whatever others are written beside it.
    var isStep = false

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
        if isStep && count > 1 {
            team.run { part in
                for row in count * part / team.count..<count * (part + 1) / team.count { body(part, row..<row + 1) }
            }
            return
        }
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

    // A few rows read each weight once; packing it into panels first would cost as much again.
    private func readsOnce(_ x: Matrix) -> Bool { isStep || x.rows == 1 }

    /// x [n, in] -> the same packed for a product with a weight, in some rows, where that needs packing.
    func pack(_ x: Matrix, rows: Range<Int>) {
        if !readsOnce(x) { workspace.products.pack(x, rows: rows) }
    }

    /// x [n, in] -> output [n, out]: output = base + x · weightᵀ, where `x` has been packed.
    func multiply(
        _ x: Matrix, by weight: FrozenMatrix, into output: Matrix, base: Matrix? = nil, bias: FrozenMatrix? = nil
    ) {
        if readsOnce(x) {
            workspace.products.multiplyRows(x, by: weight, into: output, base: base, bias: bias)
        } else {
            workspace.products.multiply(by: weight, .forward, into: output, base: base, bias: bias)
        }
    }

    /// What the adapters' steps need to know of some rows of part `part`.
    func adapterRows(_ part: Int, _ rows: Range<Int>) -> LowRankGroup.Rows {
        workspace.adapterRows(part, rows, dropout)
    }

    /// Queries and keys [n, q + kv] -> the same rotated by their positions, in place in some rows of `x`; `backward` turns
    /// a gradient back.
    func rotate(_ x: Matrix, rows: Range<Int>, backward: Bool = false) {
        for rotation in rotations {
            let own = rotation.rows.clamped(to: rows)
            guard !own.isEmpty else { continue }
            rotation.table.rotate(x.rows(own), positions: positions[own], backward: backward)
        }
    }
}

/// The rotary tables of a model, made as sequences need them: one for all, but where the scaling depends on a sequence's
/// length.
final class RotaryTables {
    private let shape: ModelConfiguration
    private var usual: RotaryTable
    private var special: (variant: Int, table: RotaryTable)?

    /// Tables for positions below `positions`; they grow.
    init(_ shape: ModelConfiguration, positions: Int) {
        self.shape = shape
        usual = Self.table(shape, positions: 0..<positions, length: 0)
    }

    /// Which rows of a packed batch are rotated by which table.
    func rotations(of sequences: [PackedSequence]) -> [(rows: Range<Int>, table: RotaryTable)] {
        guard let last = sequences.last, let longest = sequences.map(\.length).max() else { return [] }
        // Where the longest is rotated as usual, all are; otherwise each sequence may need a table of its own.
        if shape.ropeScaling.variant(length: longest) == 0 {
            return [rotation(rows: 0..<last.rows.upperBound, positions: 0..<longest, length: longest)]
        }
        return sequences.map { sequence in
            precondition(sequence.prefix.isEmpty, "a shared prefix has one rotation")
            return rotation(rows: sequence.rows, positions: 0..<sequence.length, length: sequence.length)
        }
    }

    /// The table for rows that have these positions in a sequence of `length` tokens.
    func rotation(
        rows: Range<Int>, positions: Range<Int>, length: Int
    ) -> (rows: Range<Int>, table: RotaryTable) {
        let variant = shape.ropeScaling.variant(length: length)
        if variant == 0 {
            let room = usual.positions.upperBound
            if positions.upperBound > room {
                // At least doubled, so that a table is made a few times only.
                usual = Self.table(shape, positions: 0..<max(positions.upperBound, 2 * room), length: 0)
            }
            return (rows, usual)
        }
        if let special, special.variant == variant, special.table.positions.contains(positions.lowerBound),
            special.table.positions.upperBound >= positions.upperBound
        {
            return (rows, special.table)
        }
        let table = Self.table(shape, positions: positions, length: length)
        special = (variant, table)
        return (rows, table)
    }

    private static func table(_ shape: ModelConfiguration, positions: Range<Int>, length: Int) -> RotaryTable {
        RotaryTable(
            positions: positions,
            frequencies: shape.ropeScaling.frequencies(base: shape.ropeBase, headSize: shape.headSize, length: length),
            magnitude: shape.ropeScaling.magnitude)
    }
}
