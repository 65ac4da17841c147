import LinearAlgebra

/// A sum of products `M = Σ_k outer_k innerᵀ_k`, which is never formed: its factors side by side, `M = B* A*`, and the
/// triangles of their QR decompositions, whose product has the singular values of M.
struct ProductSum {
    /// B*, [out, n], and A* transposed, [in, n], as its decomposition.
    private let outer: DoubleMatrix
    private let inner: ThinQR
    /// The triangles of B* and of A* transposed, of n columns each.
    private let upperOfOuter: DoubleMatrix
    private let upper: DoubleMatrix

    /// The best factors of some rank.
    struct Cut {
        /// A' transposed, [in, rank], and B', [out, rank].
        let inner: DoubleMatrix
        let outer: DoubleMatrix
        /// The squared norm of what is cut off.
        let lost: Double
    }

    /// The sum of the products of `outer`, [out, k] each, and `inner`, [in, k] each.
    init(inner: [DoubleMatrix], outer: [DoubleMatrix]) {
        self.inner = DoubleMatrix.joined(inner).thinQR
        self.outer = DoubleMatrix.joined(outer)
        upper = self.inner.upper
        upperOfOuter = self.outer.thinQR.upper
    }

    /// The squared norm of the sum of the first products, those that have `columns` columns together.
    func squaredNorm(ofFirst columns: Int) -> Double {
        let range = 0..<columns
        return upperOfOuter.columns(range).product(upper.columns(range), transposingRight: true).squaredNorm
    }

    /// The squared norm of M.
    var squaredNorm: Double { squaredNorm(ofFirst: upper.columns) }

    /// How much weaker than M's strongest direction one has to be for the frame's own directions to come before it.
    private static let faintest = 1e-6

    /// M, cut to `rank`: of the pairs of factors of the result the one that is nearest to a frame F, the mean of the first
    /// inner factors with these weights.
    ///
    /// - Parameters:
    ///   - least: what singular values of the inner factor are raised to, unless half of F's least one is more.
    ///   - noise: a norm; what is weaker counts as nothing.
    /// - Returns: nil where there is nothing to cut: M is zero, or no decomposition of it is found.
    func cut(to rank: Int, near weights: [Double], least: Double = 0, noise: Double = 0) -> Cut? {
        // M = Q_B · core · Q_Aᵀ, and Fᵀ = Q_A · seen.
        let core = upperOfOuter.product(upper, transposingRight: true)
        let seen = FactorLayout.mean(weights.indices.map { upper.columns($0 * rank..<($0 + 1) * rank) }, weights)
        guard let own = seen.singularValues, let weakest = own.values.last, own.values[0] > 0,
            core.squaredNorm > noise * noise
        else { return nil }
        // The directions of M's rows, V = Q_A · v; where M has fewer than the rank, F's own.
        let faint = max(Self.faintest * core.squaredNorm.squareRoot(), noise)
        let both = DoubleMatrix.joined([core.transposed, seen * (faint / seen.squaredNorm.squareRoot())]).transposed
        guard let directions = both.singularValues?.right.transposed else { return nil }
        let v = directions.columns(0..<min(rank, directions.columns))
        // A' = X max(σ, τ) Yᵀ Vᵀ, where F V = X σ Yᵀ, and B' = M V Y max(σ, τ)⁻¹ Xᵀ.
        guard let view = seen.product(transposed: true, v).singularValues else { return nil }
        let bound = max(0.5 * weakest, least, Self.faintest * own.values[0])
        let stretch = view.values.map { max($0, bound) }
        var frame = view.left
        frame.scaleColumns(by: stretch)
        var inverse = view.left
        inverse.scaleColumns(by: stretch.map { 1 / $0 })
        let turned = v.product(view.right, transposingRight: true)
        let rest = core - core.product(v).product(v, transposingRight: true)
        return Cut(
            inner: inner.expanded(turned.product(frame, transposingRight: true)),
            outer: outer.product(upper.product(transposed: true, turned)).product(inverse, transposingRight: true),
            lost: rest.squaredNorm)
    }
}
