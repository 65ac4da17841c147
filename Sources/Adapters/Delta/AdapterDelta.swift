/// The difference between an adapter and the swarm's seed adapter, the one that every peer of a swarm starts from: what
/// peers exchange and mix.
///
/// A LoRA seed adapter has random A factors and zero B factors, drawn from the swarm's seed, so a peer needs no
/// transmission to know it. Mixing weights sum to one, hence mixing deltas mixes adapters.
package struct AdapterDelta: Sendable, Equatable {
    /// The tensors that `values` holds.
    package let schema: AdapterSchema
    /// All values, tensor after tensor in the schema's order, each row-major. Always `schema.count` of them.
    package private(set) var values: [Float]

    /// A delta with the given values, of which there must be `schema.count`.
    package init(schema: AdapterSchema, values: [Float]) {
        precondition(values.count == schema.count, "a delta has the length its schema says")
        self.schema = schema
        self.values = values
    }

    /// The delta of the seed adapter itself: all zeros.
    package init(zeroOf schema: AdapterSchema) {
        self.init(schema: schema, values: [Float](repeating: 0, count: schema.count))
    }

    /// Value `index` of all. Setting it changes the delta in place, whoever asks: an observer on `values` would have all of
    /// them copied for each value that another module changes.
    package subscript(index: Int) -> Float {
        get { values[index] }
        set { values[index] = newValue }
    }

    /// The delta with each value changed alike.
    package func map(_ change: (Float) -> Float) -> AdapterDelta {
        AdapterDelta(schema: schema, values: values.map(change))
    }

    /// Whether every value is finite: neither NaN nor infinite.
    package var isFinite: Bool { values.allSatisfy(\.isFinite) }

    /// The Euclidean norm, summed in double precision.
    package var norm: Double { Self.squares(of: values[...]).squareRoot() }

    /// `Σ x²` of some values, summed in double precision.
    package static func squares(of values: ArraySlice<Float>) -> Double { squaredDistance(values.span, nil) }

    /// The Euclidean distance to `other`, which has the same schema.
    package func distance(to other: AdapterDelta) -> Double {
        precondition(schema == other.schema, "a distance is between deltas of one schema")
        return Self.squaredDistance(values.span, other.values.span).squareRoot()
    }

    /// The norm, and the distance to `other`, in one pass over the values.
    package func normAndDistance(to other: AdapterDelta) -> (norm: Double, distance: Double) {
        precondition(schema == other.schema, "a distance is between deltas of one schema")
        // Pieces that the caches hold: the second look at one costs little.
        let pieceSize = 8192
        var (squares, differences) = (0.0, 0.0)
        for start in stride(from: 0, to: values.count, by: pieceSize) {
            let piece = start..<min(start + pieceSize, values.count)
            squares += Self.squaredDistance(values.span.extracting(piece), nil)
            differences += Self.squaredDistance(values.span.extracting(piece), other.values.span.extracting(piece))
        }
        return (squares.squareRoot(), differences.squareRoot())
    }

    /// `Σ (x − y)²` in double precision; without `other`, `Σ x²`. Four sums side by side, as each addition waits for the one
    /// before; always the same four, so that the result is the same everywhere.
    private static func squaredDistance(_ values: Span<Float>, _ other: Span<Float>?) -> Double {
        let whole = values.count & ~3
        var sums = SIMD4<Double>.zero
        for start in stride(from: 0, to: whole, by: 4) {
            var four = SIMD4<Double>(
                Double(values[start]), Double(values[start + 1]), Double(values[start + 2]), Double(values[start + 3]))
            if let other {
                four -= SIMD4<Double>(
                    Double(other[start]), Double(other[start + 1]), Double(other[start + 2]), Double(other[start + 3]))
            }
            sums += four * four
        }
        var sum = sums.sum()
        for index in whole..<values.count {
            let difference = Double(values[index]) - Double(other?[index] ?? 0)
            sum += difference * difference
        }
        return sum
    }

    /// `Σ w_i x_i / Σ w_i` over deltas of one schema, of which there is one at least; the weights have a positive sum.
    ///
    /// Summed in double precision and in the order given, so that every peer that averages the same deltas gets the same
    /// bits.
    package static func weightedMean(_ terms: [(weight: Double, delta: AdapterDelta)]) -> AdapterDelta {
        precondition(!terms.isEmpty, "a mean is over one delta at least")
        let total = terms.reduce(0.0) { $0 + $1.weight }
        precondition(total > 0, "weights have a positive sum")
        let schema = terms[0].delta.schema
        var sums = [Double](repeating: 0, count: schema.count)
        for (weight, delta) in terms {
            precondition(delta.schema == schema, "a mean is over deltas of one schema")
            let share = weight / total
            for index in sums.indices { sums[index] += share * Double(delta.values[index]) }
        }
        return AdapterDelta(schema: schema, values: sums.map { Float($0) })
    }
}
