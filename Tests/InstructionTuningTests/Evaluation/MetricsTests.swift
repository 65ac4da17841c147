import Foundation
import InstructionTuning
import Storage
import Testing

@Suite("Metrics") struct MetricsTests {
    @Test("Exact match looks past white space at the ends only")
    func exactMatch() {
        #expect(ExactMatch.matches(" a b\n", "a b"))
        #expect(ExactMatch.matches("", " \n"))
        #expect(!ExactMatch.matches("a  b", "a b"))
        #expect(!ExactMatch.matches("A", "a"))
        #expect(!ExactMatch.matches("e\u{301}", "\u{e9}"))
    }

    @Test("Details: intervals hold the means, distinct words are counted")
    func details() {
        var scores = (0..<60).map { number in
            RecordScore(category: "", negativeLogLikelihood: Double(number % 7), tokens: 1 + number % 3)
        }
        let bare = ScoreDetails(scores)
        #expect(bare.rougeL == nil && bare.exactMatch == nil && bare.distinct1 == nil && bare.distinct2 == nil)
        for place in scores.indices { scores[place].measure(place % 4 == 0 ? "a b a" : "a c", expected: "a c") }
        let (details, summary) = (ScoreDetails(scores), EvaluationSummary(scores))
        for (interval, mean) in [
            (details.loss, summary.loss), (details.rougeL, summary.rougeL ?? -1),
            (details.exactMatch, summary.exactMatch ?? -1),
        ] {
            #expect(interval.map { $0.low < mean && mean < $0.high && $0.high - $0.low < 2 } == true)
        }
        // 15 answers of three words and 45 of two: three words, and the pairs ab, ba and ac.
        #expect(details.distinct1 == 3.0 / 135 && details.distinct2 == 3.0 / 75)
        #expect(details == ScoreDetails(scores) && details.loss != ScoreDetails(scores, seed: 1).loss)
        #expect(summary.json(with: details)["details"]?["intervals"]?["loss"]?.array?.count == 2)
        #expect(ScoreDetails(Array(scores.prefix(1))).loss == nil)
    }

    @Test(
        "ROUGE-L by hand",
        arguments: [
            ("", "", 1.0), ("a", "", 0), ("", "a", 0), ("a", "a", 1), ("a", "b", 0),
            // Lin's example: the common subsequence "police the gunman" of four words each.
            ("police kill the gunman", "police killed the gunman", 0.75),
            ("the gunman kill police", "police killed the gunman", 0.5),
            // Three of four and three of six: P 3/4, R 1/2, F 0.6.
            ("a b x c", "a q b r c s", 0.6), ("THE Cat", "the\n cat", 1), ("a a a", "a", 0.5),
            ("one, two", "one two", 0.5),
        ])
    func rougeL(candidate: String, reference: String, expected: Double) {
        #expect(abs(RougeL.score(candidate, reference) - expected) < 1e-12)
        #expect(RougeL.score(candidate, reference) == RougeL.score(reference, candidate))
    }

    private let scores = [
        RecordScore(category: "b", negativeLogLikelihood: 6, tokens: 3, rougeL: 1, isExact: true),
        RecordScore(category: "a", negativeLogLikelihood: 1, tokens: 1, rougeL: 0.5, isExact: false),
        RecordScore(category: "b", negativeLogLikelihood: 1, tokens: 4, rougeL: 0, isExact: false),
    ]

    @Test("Loss is the mean over tokens, scores over records, each by category too")
    func summary() {
        let summary = EvaluationSummary(scores)
        #expect(summary.records == 3 && summary.tokens == 8 && summary.loss == 1)
        #expect(abs(summary.perplexity - M_E) < 1e-12)
        #expect(summary.rougeL == 0.5 && summary.exactMatch == 1.0 / 3)
        #expect(summary.categories.map(\.name) == ["a", "b"])
        #expect(summary.categories[1].summary.loss == 1 && summary.categories[1].summary.tokens == 7)
        #expect(summary.categories[1].summary.exactMatch == 0.5)
    }

    @Test("The JSON has the agreed keys in the agreed order, and reads back")
    func json() throws {
        let summary = EvaluationSummary(scores)
        let text = String(decoding: summary.json.encoded(), as: UTF8.self)
        #expect(
            text.hasPrefix(
                #"{"records":3,"tokens":8,"loss":1.0,"perplexity":2.718281828459045,"rouge_l":0.5,"exact_match":0.333"#)
        )
        #expect(text.contains(#""categories":{"a":{"records":1,"#))
        #expect(EvaluationSummary(json: summary.json) == summary)
        let bare = EvaluationSummary([RecordScore(category: "", negativeLogLikelihood: .nan, tokens: 1)])
        #expect(bare.json["loss"] == .null && bare.json["rouge_l"] == .null)
        #expect(EvaluationSummary(json: .array([])) == nil)
    }

    @Test("The mean of peers' summaries is the mean of each number")
    func mean() throws {
        var other = EvaluationSummary(scores)
        other.loss = 3
        other.rougeL = 1
        let mean = try #require(EvaluationSummary.mean([EvaluationSummary(scores), other]))
        #expect(mean.loss == 2 && mean.rougeL == 0.75 && mean.records == 3)
        #expect(mean.categories.count == 2)
        #expect(EvaluationSummary.mean([]) == nil)
    }
}
