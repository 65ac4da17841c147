/// Adapters that carry a residual beside what is trained: `exchange.factors: product-residual`.
extension LoRAConfiguration {
    /// The same adapter with `residualRank` more rows of every A and columns of every B. Alphas grow with the ranks, so that
    /// products are scaled as before.
    ///
    /// An alpha depends on the rank of its module. So where there are patterns, each pair of one for ranks and one for
    /// alphas that name a module in common gives a pattern for alphas, in an order in which the first that fits a module
    /// is made of the two that counted before.
    package func widened(by residualRank: Int) -> LoRAConfiguration {
        guard residualRank > 0 else { return self }
        func widened(_ alpha: Double, _ rank: Int) -> Double {
            let growth = Double(rank + residualRank) / Double(rank)
            return alpha * (isRankStabilised ? growth.squareRoot() : growth)
        }
        var result = self
        result.rank = rank + residualRank
        result.alpha = widened(alpha, rank)
        result.rankExceptions = rankExceptions.map { .init(modules: $0.modules, value: $0.value + residualRank) }
        result.alphaExceptions = []
        func add(_ modules: ModuleName?, _ alpha: Double, _ rank: Int) {
            guard let modules, !result.alphaExceptions.contains(where: { $0.modules == modules }) else { return }
            result.alphaExceptions.append(.init(modules: modules, value: widened(alpha, rank)))
        }
        for own in alphaExceptions {
            for other in rankExceptions { add(own.modules.narrowed(to: other.modules), own.value, other.value) }
            add(own.modules, own.value, rank)
        }
        for other in rankExceptions { add(other.modules, alpha, other.value) }
        return result
    }
}
