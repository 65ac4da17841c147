package import Adapters
import LinearAlgebra

extension FactorLayout {
    /// Replaces an average of factors by the best factors of the average of products: what `product` and
    /// `product-residual` exchanges do.
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
    /// Where modules have a residual, the product CD of q further columns and rows, `Σ w_j C_j D_j + M − B'A'` is cut to
    /// rank q in the same way, but near the seed adapter's D: the frame then follows from the product alone, and peers
    /// whose residuals agree have the same factors. That costs as much as products with `m (r + q) + r + q` columns.
    ///
    /// - Parameters:
    ///   - terms: what is averaged; the same terms in the same order give the same bits.
    ///   - mean: an adapter that was made with the average of the factors; it is moved by what the products add to that.
    /// - Returns: what the cut loses, `‖B'A' + C'D' − Σ w_j (B_j A_j + C_j D_j)‖` over the norm of that sum.
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
        /// A' − Ā, transposed, and B' − B̄; with the residual's D' − D̄ and C' − C̄ beside them.
        var changeOfA: DoubleMatrix
        var changeOfB: DoubleMatrix
        /// The squared norms of what is lost and of the average of products.
        var lost: Double
        var all: Double
    }

    /// Nil where there is nothing to change: all that is averaged is zero, or no decomposition of it is found.
    private func merged(_ module: Module, _ terms: [Term], _ weights: [Double]) -> Merged? {
        let start = seed(of: module)
        let inner = terms.map { start + Self.a(of: module, in: $0.delta) }
        let plain = terms.map { Self.b(of: module, in: $0.delta) }
        let outer = zip(plain, weights).map { $0 * $1 }
        let (meanOfA, meanOfB) = (Self.mean(inner, weights), Self.mean(plain, weights))
        let trained = 0..<module.trainedRank
        let sum = ProductSum(inner: inner.map { $0.columns(trained) }, outer: outer.map { $0.columns(trained) })
        let cut = sum.cut(to: module.trainedRank, near: weights)
        guard module.trainedRank < module.rank else {
            return cut.map {
                Merged(
                    changeOfA: $0.inner - meanOfA, changeOfB: $0.outer - meanOfB, lost: $0.lost, all: sum.squaredNorm)
            }
        }
        let (a, b) = (cut?.inner ?? meanOfA.columns(trained), cut?.outer ?? meanOfB.columns(trained))
        let residual = trained.upperBound..<module.rank
        // The frame first, which adds nothing; last what the trained part keeps.
        let frame = start.columns(residual)
        let whole = ProductSum(
            inner: [frame] + inner.map { $0.columns(residual) } + inner.map { $0.columns(trained) } + [a],
            outer: [DoubleMatrix(rows: b.rows, columns: frame.columns)] + outer.map { $0.columns(residual) }
                + outer.map { $0.columns(trained) } + [b * -1])
        let all = whole.squaredNorm(ofFirst: frame.columns + terms.count * module.rank)
        guard all > 0 else { return nil }
        let rest = whole.cut(
            to: residual.count, near: [1], least: Self.leastFrame(frame), noise: Self.noise * all.squareRoot())
        return Merged(
            changeOfA: DoubleMatrix.joined([a, rest?.inner ?? meanOfA.columns(residual)]) - meanOfA,
            changeOfB: DoubleMatrix.joined([b, rest?.outer ?? meanOfB.columns(residual)]) - meanOfB,
            lost: rest?.lost ?? whole.squaredNorm, all: all)
    }

    /// What of the average of products is rounding, and no residual.
    private static let noise = 1e-9

    /// The least singular value of D', unless half of the seed's least one is more: a quarter of what those of the seed's
    /// D are in the mean of squares, for where D has about as many rows as columns the least one is next to nothing.
    private static func leastFrame(_ seed: DoubleMatrix) -> Double {
        0.25 * (seed.squaredNorm / Double(min(seed.rows, seed.columns))).squareRoot()
    }
}

extension FactorLayout {
    /// Whether a merged adapter is no larger than the largest of those that it was made of. Products of strange factors may
    /// be, and would be larger again in every round.
    ///
    /// It is measured as the difference to the seed adapter. A residual begins as zero, and where its D turns, that moves
    /// away from the seed by its whole length. So with one, the trained part is measured so, and the residual's C and D
    /// must not be larger than the largest whole adapter, seed and all: then no squared norm grows by more than the
    /// trained part's in a round.
    package func isNoLarger(_ merged: AdapterDelta, than others: [AdapterDelta]) -> Bool {
        guard modules.contains(where: { $0.trainedRank < $0.rank }) else {
            return merged.norm <= others.reduce(0) { max($0, $1.norm) }
        }
        let sizes = sizes(of: [merged] + others)
        let most = sizes.dropFirst().reduce(into: Size()) { most, next in
            most.change = max(most.change, next.change)
            most.residual = max(most.residual, next.trained + next.residual)
        }
        return sizes[0].change <= most.change && sizes[0].residual <= most.residual
    }

    /// Squared norms.
    private struct Size {
        /// Of the trained part, its difference to the seed and the whole of it.
        var change = 0.0
        var trained = 0.0
        /// Of the residual, the whole of it.
        var residual = 0.0

        mutating func add(_ change: Double, to seed: Double, isTrained: Bool) {
            let whole = (seed + change) * (seed + change)
            guard isTrained else { return residual += whole }
            self.change += change * change
            trained += whole
        }
    }

    private func sizes(of deltas: [AdapterDelta]) -> [Size] {
        var sizes = [Size](repeating: Size(), count: deltas.count)
        for module in modules {
            let seed = seed(of: module).values
            let trainedOfA = module.trainedRank * module.a.columns
            for (index, delta) in deltas.enumerated() {
                for (number, place) in module.placeOfA.enumerated() {
                    let change = Double(delta.values[place])
                    sizes[index].add(change, to: seed[number], isTrained: number < trainedOfA)
                }
                for (number, place) in module.placeOfB.enumerated() {
                    sizes[index].add(
                        Double(delta.values[place]), to: 0, isTrained: number % module.rank < module.trainedRank)
                }
            }
        }
        return sizes
    }
}
