import LinearAlgebra

/// How far an average of adapters is from the average of what they do: `‖B̄Ā − mean(BA)‖ / ‖mean(BA)‖`, over modules with
/// their scaling; zero where the mean is.
package struct FactorBias: Sendable, Hashable {
    /// Of all modules together.
    package let whole: Double
    /// Of the modules of each layer that carries some, ascending by layer.
    package let layers: [Double]
}

/// What became of the products in one exchange.
package struct FactorLoss: Sendable, Hashable {
    /// What averaging the factors loses of them.
    package let averaging: FactorBias
    /// What the peer lost after all: the same, or, where products were averaged, what its rank could not hold.
    package let left: Double
    /// Whether products were averaged.
    package let isMadeGood: Bool
}

extension FactorLayout {
    /// What averaging factors in the place of products loses where these `terms` are averaged. Their weights have a positive
    /// sum.
    ///
    /// With `R = Σ w_j (B_j − B̄)(A_j − Ā)`, mean(BA) is `B̄Ā + R`. Norms of such sums need the products of columns with
    /// each other alone, `(in + out) · ((m + 1) r)²` multiplications a module for m terms of rank r, in double precision;
    /// no matrix of the model's size is formed. That is (m + 1)² r / m times the work of averaging the module: 60 times
    /// that of its sum for five terms of rank 8, and a thousandth of the local steps.
    package func bias(of terms: [Term]) -> FactorBias {
        let weights = Self.shares(terms)
        var squares = FactorSquares(self)
        for module in modules {
            let changes = terms.map { Self.a(of: module, in: $0.delta) }
            let outer = terms.map { Self.b(of: module, in: $0.delta) }
            let (meanOfA, meanOfB) = (Self.mean(changes, weights), Self.mean(outer, weights))
            // The mean first, then what each term adds to it.
            let a = DoubleMatrix.joined([seed(of: module) + meanOfA] + changes.map { $0 - meanOfA })
            let b = DoubleMatrix.joined([meanOfB] + zip(outer, weights).map { ($0 - meanOfB) * $1 })
            let (ofA, ofB) = (a.gram, b.gram)
            var (lost, all) = (0.0, 0.0)
            for column in 0..<ofA.columns {
                for row in 0..<ofA.rows {
                    let product = ofA[row, column] * ofB[row, column]
                    all += product
                    if row >= module.rank, column >= module.rank { lost += product }
                }
            }
            squares.add(lost: lost, of: all, in: module)
        }
        return squares.bias
    }
}

/// Sums of squares over modules, by layer.
struct FactorSquares {
    private var lost: [Double]
    private var all: [Double]
    private let layers: [Int]

    init(_ layout: FactorLayout) {
        layers = layout.layers
        lost = [Double](repeating: 0, count: layers.count)
        all = lost
    }

    /// Squared norms of a module's matrices, without its scaling.
    mutating func add(lost: Double, of all: Double, in module: FactorLayout.Module) {
        guard let layer = layers.firstIndex(of: module.layer) else { return }
        let square = module.scaling * module.scaling
        // Sums that are zero but for rounding may be a little less.
        self.lost[layer] += square * max(0, lost)
        self.all[layer] += square * max(0, all)
    }

    var bias: FactorBias {
        FactorBias(
            whole: Self.ratio(lost.reduce(0, +), all.reduce(0, +)), layers: zip(lost, all).map { Self.ratio($0, $1) })
    }

    private static func ratio(_ lost: Double, _ all: Double) -> Double {
        // The sum of all rank-one parts cannot hold more than its largest; where nothing is left, all is lost.
        all > 0 ? (lost / all).squareRoot() : 0
    }
}
