import LinearAlgebra

/// The keys and values of one layer for the tokens of a text so far, [capacity, kv] each.
struct LayerCache {
    private let keys: Matrix
    private let values: Matrix

    /// Room for `capacity` tokens, cut from `arena`.
    init(capacity: Int, shape: ModelConfiguration, arena: Arena) {
        keys = arena.matrix(rows: capacity, columns: shape.keyValueWidth)
        values = arena.matrix(rows: capacity, columns: shape.keyValueWidth)
    }

    /// New keys and values [n, kv] at `position` -> all keys and values [position + n, kv].
    func append(keys newKeys: Matrix, values newValues: Matrix, at position: Int) -> (keys: Matrix, values: Matrix) {
        let end = position + newKeys.rows
        keys.rows(position..<end).assign(newKeys)
        values.rows(position..<end).assign(newValues)
        return (keys.rows(0..<end), values.rows(0..<end))
    }

    /// Takes over the keys and values of some positions of `other`.
    func copy(_ positions: Range<Int>, of other: LayerCache) {
        keys.rows(positions).assign(other.keys.rows(positions))
        values.rows(positions).assign(other.values.rows(positions))
    }
}

/// The keys and values of one text in all layers. It grows with the text, at least by half each time.
struct TextCache {
    private(set) var layers: [LayerCache] = []
    private(set) var capacity = 0
    private let shape: ModelConfiguration

    private static let least = 64

    /// A cache without room.
    init(shape: ModelConfiguration) {
        self.shape = shape
    }

    /// Makes room for `tokens` tokens; the first `kept` are kept.
    mutating func reserve(_ tokens: Int, keeping kept: Int) {
        guard tokens > capacity else { return }
        let room = max(tokens, capacity + capacity / 2, Self.least)
        let larger = Arena.planned { arena in
            (0..<shape.layerCount).map { _ in LayerCache(capacity: room, shape: shape, arena: arena) }
        }
        for (layer, old) in zip(larger, layers) where kept > 0 { layer.copy(0..<kept, of: old) }
        layers = larger
        capacity = room
    }

    /// Takes over the keys and values of some positions of `other`; there is room for them.
    func copy(_ positions: Range<Int>, of other: TextCache) {
        for (layer, source) in zip(layers, other.layers) { layer.copy(positions, of: source) }
    }
}
