import Foundation
package import Storage

/// How well an adapter does on a list of records.
package struct EvaluationSummary: Sendable, Equatable {
    /// One category's part.
    package struct Category: Sendable, Equatable {
        package var name: String
        /// Its summary, which has no categories of its own.
        package var summary: EvaluationSummary

        package init(name: String, summary: EvaluationSummary) {
            self.name = name
            self.summary = summary
        }
    }

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

extension EvaluationSummary {
    /// `{"records","tokens","loss","perplexity","rouge_l","exact_match","categories":{name:{…}}}`, always in this order.
    /// Numbers that are missing or not finite are null; a category has no `categories`.
    package var json: JSONValue {
        var members = flatMembers
        members.append(
            (
                "categories",
                .object(JSONObject(categories.map { ($0.name, .object(JSONObject($0.summary.flatMembers))) }))
            ))
        return .object(JSONObject(members))
    }

    /// The same, with what `evaluate` says of it beyond.
    package func json(with details: ScoreDetails) -> JSONValue {
        guard case .object(let object) = json else { return json }
        let members = zip(object.keys, object.values).map { (String(decoding: $0, as: UTF8.self), $1) }
        return .object(JSONObject(members + [("details", details.json)]))
    }

    private var flatMembers: [(String, JSONValue)] {
        func number(_ value: Double?) -> JSONValue { value.map { $0.isFinite ? .number($0) : .null } ?? .null }
        return [
            ("records", .integer(records)), ("tokens", .integer(tokens)), ("loss", number(loss)),
            ("perplexity", number(perplexity)), ("rouge_l", number(rougeL)), ("exact_match", number(exactMatch)),
        ]
    }

    /// Reads what `json` wrote; nil for anything else. Perplexity follows from the loss.
    package init?(json value: JSONValue) {
        guard let object = value.object, let records = object["records"]?.int, let tokens = object["tokens"]?.int,
            let loss = object["loss"]
        else { return nil }
        self.init(
            records: records, tokens: tokens, loss: loss.double ?? .nan, rougeL: object["rouge_l"]?.double,
            exactMatch: object["exact_match"]?.double)
        guard let categories = object["categories"]?.object else { return }
        for (key, value) in zip(categories.keys, categories.values) {
            guard let summary = EvaluationSummary(json: value) else { return nil }
            self.categories.append(Category(name: String(decoding: key, as: UTF8.self), summary: summary))
        }
    }
}

/// What measuring one record gave.
package struct RecordScore: Sendable, Hashable {
    package var category: String
    /// The summed negative log-likelihood of its response tokens, in nats.
    package var negativeLogLikelihood: Double
    /// The number of its response tokens.
    package var tokens: Int
    /// ROUGE-L of the generated answer; nil where none was generated.
    package var rougeL: Double?
    /// Whether the generated answer is exactly the expected one; nil where none was generated.
    package var isExact: Bool?
    /// The generated answer; nil where none was generated.
    package var answer: String?

    package init(
        category: String, negativeLogLikelihood: Double, tokens: Int, rougeL: Double? = nil, isExact: Bool? = nil,
        answer: String? = nil
    ) {
        self.category = category
        self.negativeLogLikelihood = negativeLogLikelihood
        self.tokens = tokens
        self.rougeL = rougeL
        self.isExact = isExact
        self.answer = answer
    }

    /// Takes in how near a generated answer comes to the expected one.
    package mutating func measure(_ answer: String, expected: String) {
        rougeL = RougeL.score(answer, expected)
        isExact = ExactMatch.matches(answer, expected)
        self.answer = answer
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
            // Over tokens, not over records' means: short answers would count more than long ones.
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
