import Foundation

/// How well an adapter does on a list of records.
package struct EvaluationSummary: Sendable, Equatable {
    /// One category's part.
    package struct Category: Sendable, Equatable {
        /// The category's name.
        package var name: String
        /// Its summary, which has no categories of its own.
        package var summary: EvaluationSummary
    }

    /// The number of records.
    package var records: Int
    /// The number of response tokens, end tokens among them.
    package var tokens: Int
    /// Mean negative log-likelihood in nats per response token: every token weighs the same, not every record.
    package var loss: Double
    /// Mean ROUGE-L over the records; nil where no answers were generated.
    package var rougeL: Double?
    /// The share of records whose answer is exactly the expected one; nil where no answers were generated.
    package var exactMatch: Double?
    /// The categories by the bytes of their names.
    package var categories: [Category]

    /// e to the loss.
    package var perplexity: Double { exp(loss) }

    package init(
        records: Int, tokens: Int, loss: Double, rougeL: Double? = nil, exactMatch: Double? = nil,
        categories: [Category] = []
    ) {
        self.records = records
        self.tokens = tokens
        self.loss = loss
        self.rougeL = rougeL
        self.exactMatch = exactMatch
        self.categories = categories
    }
}
