internal import LinearAlgebra

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
        if shape.ropeScaling.variant(length: longest) == 0 {
            return [rotation(rows: 0..<last.rows.upperBound, positions: 0..<longest, length: longest)]
        }
        return sequences.map { sequence in
            precondition(sequence.shared.isEmpty, "what is shared has one rotation")
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
