package import Adapters
import LinearAlgebra

extension FactorLayout {
    /// Replaces an average of factors by the best factors of the average of products: what `product` exchanges do.
    ///
    /// For each module `M = Σ w_j B_j A_j` is cut to the module's rank r, the best approximation of that rank (as FlexLoRA
    /// does it on whole matrices, arXiv 2402.11505, and FLoRIST on stacked ones, arXiv 2506.09199). Stacked, the terms are
    /// `M = B* A*` with inner size m·r; after thin QR decompositions of both only the product of the two triangles is
    /// decomposed, (m·r)² values, and no matrix of the model's size is formed. A module costs about
    /// `4 (in + out) (m r)² + 30 (m r)³` multiplications and additions.
    ///
    /// Of the factors of the result those are taken that are nearest to the averaged ones, `Ā` and `B̄`, so that neighbours
    /// go on in one frame and the optimiser's moments still fit: A' is Ā seen from the r directions that M keeps, its rotation
    /// the one of the orthogonal Procrustes problem, and `B' = M A'⁺`. Where all terms are the same, so is the result. Where
    /// Ā hardly sees one of the directions, A' is stretched there to half of Ā's least singular value: otherwise B' would grow
    /// without bound.
    ///
    /// - Parameters:
    ///   - terms: what is averaged; the same terms in the same order give the same bits.
    ///   - mean: an adapter that was made with the average of the factors; it is moved by what the products add to that.
    /// - Returns: what the cut loses, `‖B'A' − M‖ / ‖M‖`.
    package func merge(_ terms: [Term], into mean: inout AdapterDelta) -> FactorBias {
        let weights = Self.shares(terms)
        var squares = FactorSquares(self)
        var values = mean.values
        for module in modules {
            guard let merged = merged(module, terms, weights) else { continue }
            squares.add(lost: merged.lost, of: merged.all, in: module)
            for (place, change) in zip(module.placeOfA, merged.changeOfA.values) {
                values[place] = Float(Double(values[place]) + change)
            }
            var place = module.placeOfB.lowerBound
            for row in 0..<merged.changeOfB.rows {
                for column in 0..<merged.changeOfB.columns {
                    values[place] = Float(Double(values[place]) + merged.changeOfB[row, column])
                    place += 1
                }
            }
        }
        mean = AdapterDelta(schema: schema, values: values)
        return squares.bias
    }

    private struct Merged {
        /// A' − Ā, transposed, and B' − B̄.
        var changeOfA: DoubleMatrix
        var changeOfB: DoubleMatrix
        /// The squared norms of what is cut off and of M.
        var lost: Double
        var all: Double
    }

    /// How much weaker than M's strongest direction one has to be for Ā's own directions to come before it.
    private static let faintest = 1e-6

    /// Nil where there is nothing to change: all that is averaged is zero, or no decomposition of it is found.
    private func merged(_ module: Module, _ terms: [Term], _ weights: [Double]) -> Merged? {
        let start = seed(of: module)
        let inner = terms.map { start + Self.a(of: module, in: $0.delta) }
        let outer = terms.map { Self.b(of: module, in: $0.delta) }
        let (meanOfA, meanOfB) = (Self.mean(inner, weights), Self.mean(outer, weights))
        let rank = module.rank
        let a = DoubleMatrix.joined(inner).thinQR
        let stacked = DoubleMatrix.joined(zip(outer, weights).map { $0 * $1 })
        // M = Q_B · core · Q_Aᵀ, and Āᵀ = Q_A · seen.
        let triangle = a.upper
        let core = stacked.thinQR.upper.product(triangle, transposingRight: true)
        let seen = Self.mean(
            terms.indices.map { triangle.columns($0 * rank..<($0 + 1) * rank) }, weights)
        guard let own = seen.singularValues, let least = own.values.last, own.values[0] > 0, core.squaredNorm > 0 else {
            return nil
        }
        // The r directions of M's rows, V = Q_A · v; where M has fewer, Ā's own.
        let weight = Self.faintest * (core.squaredNorm / seen.squaredNorm).squareRoot()
        let both = DoubleMatrix.joined([core.transposed, seen * weight]).transposed
        guard let directions = both.singularValues?.right.transposed else { return nil }
        let v = directions.columns(0..<min(rank, directions.columns))
        // A' = X max(σ, τ) Yᵀ Vᵀ, where ĀV = X σ Yᵀ, and B' = M V Y max(σ, τ)⁻¹ Xᵀ.
        guard let view = seen.product(transposed: true, v).singularValues else { return nil }
        let bound = max(0.5 * least, Self.faintest * own.values[0])
        let stretch = view.values.map { max($0, bound) }
        var frame = view.left
        frame.scaleColumns(by: stretch)
        var inverse = view.left
        inverse.scaleColumns(by: stretch.map { 1 / $0 })
        let turned = v.product(view.right, transposingRight: true)
        let newA = a.expanded(turned.product(frame, transposingRight: true))
        let newB = stacked.product(triangle.product(transposed: true, turned)).product(inverse, transposingRight: true)
        let rest = core - core.product(v).product(v, transposingRight: true)
        return Merged(
            changeOfA: newA - meanOfA, changeOfB: newB - meanOfB, lost: rest.squaredNorm, all: core.squaredNorm)
    }
}
