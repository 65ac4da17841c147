import Basics
package import Storage

/// How sure a summary's means are, and how much the answers repeat themselves.
package struct ScoreDetails: Sendable, Equatable {
    /// A range that holds a mean in 95 % of the draws.
    package struct Interval: Sendable, Equatable {
        package let low: Double
        package let high: Double
    }

    /// Of the loss per response token.
    package let loss: Interval?
    /// Of the means over records; nil where no answers were generated.
    package let rougeL: Interval?
    package let exactMatch: Interval?
    /// The share of different words, and of different pairs of neighbouring words, among those of all answers (distinct-n;
    /// Li et al., 2016); nil where there are none.
    package let distinct1: Double?
    package let distinct2: Double?

    private static let draws = 1000

    /// The details of `scores`. The intervals are those of the percentile bootstrap over records: the records are drawn
    /// anew, with repetition, a thousand times.
    package init(_ scores: [RecordScore], seed: UInt64 = 42) {
        var random = SeededGenerator(seed: seed, label: "bootstrap")
        var losses: [Double] = []
        var rouges: [Double] = []
        var exacts: [Double] = []
        let rouge = scores.compactMap(\.rougeL)
        let exact = scores.compactMap(\.isExact)
        for _ in 0..<(scores.count > 1 ? Self.draws : 0) {
            var (sum, tokens) = (0.0, 0)
            for _ in scores {
                let score = scores[Int.random(in: 0..<scores.count, using: &random)]
                sum += score.negativeLogLikelihood
                tokens += score.tokens
            }
            if tokens > 0 { losses.append(sum / Double(tokens)) }
            func mean(_ count: Int, _ value: (Int) -> Double) -> Double {
                (0..<count).reduce(0.0) { sum, _ in sum + value(Int.random(in: 0..<count, using: &random)) }
                    / Double(count)
            }
            if !rouge.isEmpty { rouges.append(mean(rouge.count) { rouge[$0] }) }
            if !exact.isEmpty { exacts.append(mean(exact.count) { exact[$0] ? 1 : 0 }) }
        }
        loss = Self.interval(losses)
        rougeL = Self.interval(rouges)
        exactMatch = Self.interval(exacts)
        let answers = scores.compactMap {
            $0.answer?.lowercased().split(whereSeparator: \.isWhitespace).map(String.init)
        }
        distinct1 = Self.distinct(answers.flatMap { $0.map { [$0] } })
        distinct2 = Self.distinct(answers.flatMap { zip($0, $0.dropFirst()).map { [$0, $1] } })
    }

    /// What `statistic` makes of `count` places that are drawn anew, with repetition, a thousand times: the draws of a
    /// percentile bootstrap. None for fewer than two places.
    static func resampled<Value>(
        _ count: Int, seed: UInt64, label: String, _ statistic: ([Int]) -> Value
    ) -> [Value] {
        guard count > 1 else { return [] }
        var random = SeededGenerator(seed: seed, label: label)
        return (0..<draws).map { _ in
            statistic((0..<count).map { _ in Int.random(in: 0..<count, using: &random) })
        }
    }

    /// The range that holds 95 % of `means`; nil for none.
    static func interval(_ means: [Double]) -> Interval? {
        guard !means.isEmpty else { return nil }
        let sorted = means.sorted()
        func quantile(_ share: Double) -> Double { sorted[Int((Double(sorted.count - 1) * share).rounded())] }
        return Interval(low: quantile(0.025), high: quantile(0.975))
    }

    private static func distinct(_ grams: [[String]]) -> Double? {
        grams.isEmpty ? nil : Double(Set(grams).count) / Double(grams.count)
    }

    /// `{"distinct_1","distinct_2","intervals":{"loss":[low,high],"rouge_l":…,"exact_match":…}}`; null for what there is
    /// not.
    package var json: JSONValue {
        func number(_ value: Double?) -> JSONValue { value.map(JSONValue.number) ?? .null }
        func pair(_ interval: Interval?) -> JSONValue {
            interval.map { .array([.number($0.low), .number($0.high)]) } ?? .null
        }
        return .object(
            JSONObject([
                ("distinct_1", number(distinct1)), ("distinct_2", number(distinct2)),
                (
                    "intervals",
                    .object(
                        JSONObject([
                            ("loss", pair(loss)), ("rouge_l", pair(rougeL)), ("exact_match", pair(exactMatch)),
                        ]))
                ),
            ]))
    }
}
