import Adapters
import Aggregation
import Basics
import LinearAlgebra

/// Small LoRA adapters and what their products are as whole matrices.
struct FactorRig {
    static let seed: UInt64 = 11
    let configuration: LoRAConfiguration
    let projections: [LoRAProjection]
    let schema: AdapterSchema
    let layout: FactorLayout

    let residualRank: Int

    /// Two layers with two modules each, of different shapes, one of another rank; with a residual, more of each.
    init(rank: Int = 3, residualRank: Int = 0, inputSize: Int = 9, outputSize: Int = 7) {
        var configuration = LoRAConfiguration(rank: rank, alpha: 4, targets: [.query, .down])
        configuration.rankExceptions = [.init(modules: ModuleName("layers.1.mlp.down_proj")!, value: 1)]
        configuration = configuration.widened(by: residualRank)
        self.configuration = configuration
        self.residualRank = residualRank
        projections = (0..<2).flatMap { layer in
            [
                LoRAProjection(layer: layer, target: .query, inputSize: inputSize, outputSize: outputSize),
                LoRAProjection(layer: layer, target: .down, inputSize: outputSize + 2, outputSize: inputSize + 1),
            ]
        }
        schema = .lora(configuration: configuration, projections: projections)
        layout = FactorLayout(
            schema, configuration: configuration, seed: Self.seed, residualRank: residualRank)!
    }

    /// A delta whose values are around `around` with a spread of `spread`.
    func drawn(_ spread: Float, around: AdapterDelta? = nil, using generator: inout SeededGenerator) -> AdapterDelta {
        let middle = around?.values ?? [Float](repeating: 0, count: schema.count)
        return AdapterDelta(schema: schema, values: middle.map { $0 + spread * Float(generator.normal()) })
    }

    func terms(_ count: Int, spread: Float, seed: UInt64) -> [FactorLayout.Term] {
        var generator = SeededGenerator(seed: seed)
        let middle = drawn(0.2, using: &generator)
        return (0..<count).map { _ in (0.5 + generator.uniform(), drawn(spread, around: middle, using: &generator)) }
    }

    /// The whole factors of a module in an adapter, seed and delta.
    func factors(_ projection: LoRAProjection, of delta: AdapterDelta) -> (a: DoubleMatrix, b: DoubleMatrix) {
        let start = SeedAdapter.values(schema: schema, seed: Self.seed)
        func matrix(_ name: String) -> DoubleMatrix {
            let index = schema.tensors.firstIndex { $0.name == name }!
            let tensor = schema.tensors[index]
            let values = schema.range(of: index).map { Double(start[$0]) + Double(delta.values[$0]) }
            return DoubleMatrix(rows: tensor.columns, columns: tensor.rows, values: values).transposed
        }
        return (matrix(projection.nameOfA), matrix(projection.nameOfB))
    }

    /// What is trained of an adapter, as the difference of the residual to the seed is zero: a product without a residual.
    func withoutResidual(_ delta: AdapterDelta) -> AdapterDelta {
        var values = delta.values
        for range in schema.frozenRanges(factors: .both, residualRank: residualRank) {
            for place in range { values[place] = 0 }
        }
        return AdapterDelta(schema: schema, values: values)
    }

    /// BA of a module, a whole matrix.
    func product(_ projection: LoRAProjection, of delta: AdapterDelta) -> DoubleMatrix {
        let (a, b) = factors(projection, of: delta)
        return b.product(a)
    }

    /// The average of the products of a module.
    func mean(_ projection: LoRAProjection, of terms: [FactorLayout.Term]) -> DoubleMatrix {
        let total = terms.reduce(0) { $0 + $1.weight }
        return terms.map { product(projection, of: $0.delta) * ($0.weight / total) }.reduce(nil) { sum, next in
            sum.map { $0 + next } ?? next
        }!
    }

    /// The average of the factors.
    func average(_ terms: [FactorLayout.Term]) -> AdapterDelta { .weightedMean(terms) }
}
