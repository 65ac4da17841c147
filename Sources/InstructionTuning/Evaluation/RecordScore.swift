/// What measuring one record gave.
package struct RecordScore: Sendable, Hashable {
    /// The record's category.
    package var category: String
    /// The summed negative log-likelihood of its response tokens, in nats.
    package var negativeLogLikelihood: Double
    /// The number of its response tokens.
    package var tokens: Int
    /// ROUGE-L of the generated answer; nil where none was generated.
    package var rougeL: Double?
    /// Whether the generated answer is exactly the expected one; nil where none was generated.
    package var isExact: Bool?

    package init(
        category: String, negativeLogLikelihood: Double, tokens: Int, rougeL: Double? = nil, isExact: Bool? = nil
    ) {
        self.category = category
        self.negativeLogLikelihood = negativeLogLikelihood
        self.tokens = tokens
        self.rougeL = rougeL
        self.isExact = isExact
    }
}

extension EvaluationSummary {
    /// Sums the scores up, over all and by category, in the order given.
    package init(_ scores: [RecordScore]) {
        var groups: [String: [RecordScore]] = [:]
        for score in scores { groups[score.category, default: []].append(score) }
        self.init(flat: scores)
        categories = groups.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { Category(name: $0.key, summary: EvaluationSummary(flat: $0.value)) }
    }

    private init(flat scores: [RecordScore]) {
        let tokens = scores.reduce(0) { $0 + $1.tokens }
        let rouge = scores.compactMap(\.rougeL)
        let exact = scores.compactMap(\.isExact)
        self.init(
            records: scores.count, tokens: tokens,
            loss: tokens == 0 ? 0 : scores.reduce(0) { $0 + $1.negativeLogLikelihood } / Double(tokens),
            rougeL: rouge.isEmpty ? nil : rouge.reduce(0, +) / Double(rouge.count),
            exactMatch: exact.isEmpty ? nil : Double(exact.count { $0 }) / Double(exact.count))
    }

    /// The mean of several summaries of the same records, as `compare` shows it for the peers: each number is the plain
    /// mean, perplexity follows from the mean loss. Nil for none.
    package static func mean(_ summaries: [EvaluationSummary]) -> EvaluationSummary? {
        guard let first = summaries.first else { return nil }
        func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
        let rouge = summaries.compactMap(\.rougeL)
        let exact = summaries.compactMap(\.exactMatch)
        let categories = first.categories.map { category in
            let parts = summaries.compactMap { summary in
                summary.categories.first { $0.name == category.name }?.summary
            }
            return Category(name: category.name, summary: Self.mean(parts) ?? category.summary)
        }
        return EvaluationSummary(
            records: first.records, tokens: first.tokens, loss: mean(summaries.map(\.loss)),
            rougeL: rouge.isEmpty ? nil : mean(rouge), exactMatch: exact.isEmpty ? nil : mean(exact),
            categories: categories)
    }
}
