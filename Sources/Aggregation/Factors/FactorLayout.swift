package import Adapters
import LinearAlgebra

/// How the vector of an adapter's values is made of LoRA modules: where each has its factors, and what they begin as. What
/// looks at products BA needs it; an adapter that is no LoRA adapter has none.
///
/// A delta is the difference to the seed adapter, so that A is the seed's plus the delta's. The seed's values are drawn
/// again for each module when they are needed: that costs less than the averaging, and no memory.
package struct FactorLayout: Sendable {
    /// One module.
    struct Module: Sendable {
        let layer: Int
        /// Where its factors are among the tensors: A [rank, in], B [out, rank].
        let a: AdapterSchema.Tensor
        let b: AdapterSchema.Tensor
        let placeOfA: Range<Int>
        let placeOfB: Range<Int>
        /// What BA is multiplied with in the model.
        let scaling: Double
        /// How many of A's first rows and B's first columns are trained: what is averaged there is cut to this rank. The
        /// others hold what is cut off.
        let trainedRank: Int

        var rank: Int { a.rows }
    }

    package let schema: AdapterSchema
    let modules: [Module]
    /// The layers that carry modules, ascending.
    package let layers: [Int]
    private let seed: UInt64

    /// The layout of the adapter of `schema` with the settings `configuration`, which begins as the seed adapter of `seed`;
    /// nil unless every tensor is a factor of a LoRA module and has its counterpart, and has more rows or columns than
    /// the last `residualRank`, which hold the residual.
    package init?(_ schema: AdapterSchema, configuration: LoRAConfiguration, seed: UInt64, residualRank: Int = 0) {
        var modules: [Module] = []
        // By bytes, A of a module comes right before its B.
        guard schema.tensors.count.isMultiple(of: 2), !schema.tensors.isEmpty else { return nil }
        for index in stride(from: 0, to: schema.tensors.count, by: 2) {
            let (a, b) = (schema.tensors[index], schema.tensors[index + 1])
            guard let first = LoRAFactors.named(a.name), let second = LoRAFactors.named(b.name), first.factor == .a,
                second.factor == .b, first.module == second.module, a.rows == b.columns, a.rows > residualRank,
                let projection = LoRAProjection(
                    moduleName: first.module, inputSize: a.columns, outputSize: b.rows)
            else { return nil }
            modules.append(
                Module(
                    layer: projection.layer, a: a, b: b, placeOfA: schema.range(of: index),
                    placeOfB: schema.range(of: index + 1), scaling: configuration.scaling(of: projection),
                    trainedRank: a.rows - residualRank))
        }
        self.schema = schema
        self.modules = modules
        layers = Set(modules.map(\.layer)).sorted()
        self.seed = seed
    }

    /// An adapter with the weight that it has in an average.
    package typealias Term = (weight: Double, delta: AdapterDelta)

    /// The seed's A of a module, transposed: [in, rank].
    func seed(of module: Module) -> DoubleMatrix {
        DoubleMatrix(
            rows: module.a.columns, columns: module.rank,
            values: SeedAdapter.values(ofA: module.a, seed: seed).map(Double.init))
    }

    /// A delta's change of A, transposed: [in, rank]. A's rows lie one after the other, which are its columns.
    static func a(of module: Module, in delta: AdapterDelta) -> DoubleMatrix {
        DoubleMatrix(
            rows: module.a.columns, columns: module.rank, values: delta.values[module.placeOfA].map(Double.init))
    }

    /// A delta's B: [out, rank].
    static func b(of module: Module, in delta: AdapterDelta) -> DoubleMatrix {
        var matrix = DoubleMatrix(rows: module.b.rows, columns: module.rank)
        var place = module.placeOfB.lowerBound
        for row in 0..<matrix.rows {
            for column in 0..<matrix.columns {
                matrix[row, column] = Double(delta.values[place])
                place += 1
            }
        }
        return matrix
    }

    /// The weighted mean of matrices of one shape.
    static func mean(_ matrices: [DoubleMatrix], _ weights: [Double]) -> DoubleMatrix {
        var mean = DoubleMatrix(rows: matrices[0].rows, columns: matrices[0].columns)
        for (matrix, weight) in zip(matrices, weights) { mean.add(matrix, times: weight) }
        return mean
    }

    /// Weights that sum to one.
    static func shares(_ terms: [Term]) -> [Double] {
        let total = terms.reduce(0) { $0 + $1.weight }
        return terms.map { $0.weight / total }
    }
}
