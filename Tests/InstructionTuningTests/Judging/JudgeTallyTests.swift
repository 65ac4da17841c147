import InstructionTuning
import Testing

@Suite struct JudgeTallyTests {
    /// A question with verdicts of pairs (contestant's score, other's score), however they were shown.
    private func question(
        _ first: [(Double, Double)], _ second: [(Double, Double)], category: String = "", words: (Int, Int) = (3, 3)
    ) -> JudgeTally.Question {
        func text(_ count: Int) -> String { Array(repeating: "word", count: count).joined(separator: " \n") }
        var question = JudgeTally.Question(category: category, answer: text(words.0), beside: text(words.1))
        for (own, other) in first { question.add(.verdict(.init(first: own, second: other)), isFirst: true) }
        for (own, other) in second { question.add(.verdict(.init(first: other, second: own)), isFirst: false) }
        return question
    }

    @Test func bothOrdersWeighTheSame() {
        // Three verdicts with the contestant first, one with it second.
        let figures = JudgeTally([question([(9, 3), (9, 3), (9, 3)], [(5, 7)])]).figures
        #expect(figures.count == 1 && figures.sum == 7 && figures.sumBeside == 5 && figures.relative == 1.4)
        #expect(figures.orderDecided == 1 && figures.won == 0 && figures.lost == 0 && figures.tied == 0)
        // First it leads by 6, second it lags by 2: four points are the place's.
        #expect(figures.firstAdvantage == 4)
        #expect(figures.relativeInterval == nil && figures.differenceInterval == nil)
    }

    @Test func winsNeedBothOrders() {
        let figures = JudgeTally([
            question([(8, 4)], [(7, 6)], words: (9, 2)), question([(2, 4)], [(3, 6)], words: (5, 2)),
            question([(5, 5)], [(9, 1)]), question([(5, 5)], [(5, 5)]), question([(6, 5)], [(5, 6)]),
        ]).figures
        #expect(figures.count == 5 && figures.won == 1 && figures.lost == 1 && figures.tied == 2)
        #expect(figures.orderDecided == 1)
        #expect(figures.unlikeLengths == 2 && figures.longerWon == 1)
        #expect(figures.words == 4.6 && figures.wordsBeside == 2.6)
    }

    @Test func whatIsMalformedIsCountedAndNeverScored() {
        var half = question([(10, 1)], [])
        half.add(.malformed(.none), isFirst: false)
        half.add(.missing, isFirst: false)
        var whole = question([(6, 4)], [(6, 4)])
        whole.add(.malformed(.range), isFirst: true)
        whole.add(.malformed(.none), isFirst: false)
        let tally = JudgeTally([half, whole])
        #expect(tally.verdicts == 3 && tally.missing == 1 && tally.incomplete == 1)
        #expect(tally.malformed.map(\.fault) == [.none, .range] && tally.malformed.map(\.count) == [2, 1])
        #expect(tally.figures.count == 1 && tally.figures.sum == 6 && tally.figures.sumBeside == 4)
        let none = JudgeTally([half]).figures
        #expect(none.count == 0 && none.relative == nil && none.mean == nil && none.firstAdvantage == nil)
        #expect(none.tied == 0 && none.words == nil)
    }

    @Test func categoriesHaveFiguresOfTheirOwn() {
        let tally = JudgeTally([
            question([(8, 4)], [(8, 4)], category: "b"), question([(4, 8)], [(4, 8)], category: "a"),
            question([(4, 2)], [(4, 2)], category: "a"), question([(1, 1)], [(1, 1)]),
        ])
        #expect(tally.categories.map(\.name) == ["a", "b"])
        #expect(tally.categories.map(\.figures.count) == [2, 1] && tally.categories[0].figures.relative == 0.8)
        #expect(tally.figures.count == 4)
    }

    /// The interval's ends lie where those of the exact distribution of two values lie, and do not change.
    @Test func theIntervalIsThatOfTheQuestions() throws {
        let better = question([(8, 4)], [(8, 4)])
        let worse = question([(4, 8)], [(4, 8)])
        let even = JudgeTally(Array(repeating: better, count: 20) + Array(repeating: worse, count: 20))
        let interval = try #require(even.figures.relativeInterval)
        #expect(interval.low < 1 && interval.high > 1 && interval.low > 0.75 && interval.high < 1.35)
        #expect(even.figures == JudgeTally(even.questions).figures)
        let sure = try #require(JudgeTally(Array(repeating: better, count: 20)).figures.relativeInterval)
        #expect(sure.low == 2 && sure.high == 2)
        let gain = try #require(JudgeTally(Array(repeating: better, count: 20)).figures.differenceInterval)
        #expect(gain.low == 4 && gain.high == 4)
    }
}
