internal import LinearAlgebra

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
