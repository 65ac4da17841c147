/// What came of one request to a judge.
package enum JudgeOutcome: Sendable, Hashable {
    case verdict(JudgeVerdict)
    /// There is a reply, and no verdict in it.
    case malformed(JudgeVerdict.Fault)
    /// There is no reply.
    case missing
}

/// All verdicts on two contestants, one of them beside the other, and what they come to.
package struct JudgeTally: Sendable {
    /// What the judge said of the two answers to one question.
    package struct Question: Sendable, Hashable {
        package var category: String
        /// The answers' lengths in words.
        package var words: Int
        package var wordsBeside: Int
        /// The outcomes with the contestant's answer shown first, and with the other's shown first.
        package var first: [JudgeOutcome] = []
        package var second: [JudgeOutcome] = []

        package init(category: String, answer: String, beside: String) {
            self.category = category
            words = answer.split(whereSeparator: \.isWhitespace).count
            wordsBeside = beside.split(whereSeparator: \.isWhitespace).count
        }

        /// Takes in an outcome; `isFirst` says whether the contestant's answer was shown first.
        package mutating func add(_ outcome: JudgeOutcome, isFirst: Bool) {
            if isFirst { first.append(outcome) } else { second.append(outcome) }
        }
    }

    package private(set) var questions: [Question]

    package init(_ questions: [Question]) {
        self.questions = questions
    }

    /// The figures over all questions.
    package var figures: JudgeFigures { JudgeFigures(questions.compactMap(JudgeFigures.Scored.init)) }

    /// The figures of each category that has a name, by the bytes of the names.
    package var categories: [(name: String, figures: JudgeFigures)] {
        let names = Set(questions.map(\.category)).subtracting([""])
        return names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }.map { name in
            let own = questions.filter { $0.category == name }
            return (name, JudgeFigures(own.compactMap(JudgeFigures.Scored.init)))
        }
    }

    /// Questions that do not count, as one of the two orders has no verdict.
    package var incomplete: Int { questions.count { JudgeFigures.Scored($0) == nil } }

    private var outcomes: [JudgeOutcome] { questions.flatMap { $0.first + $0.second } }

    package var verdicts: Int { outcomes.count { if case .verdict = $0 { true } else { false } } }

    package var missing: Int { outcomes.count { $0 == .missing } }

    /// How often each fault came, in the order of `JudgeVerdict.Fault`; those that never came are left out.
    package var malformed: [(fault: JudgeVerdict.Fault, count: Int)] {
        JudgeVerdict.Fault.allCases.compactMap { fault in
            let count = outcomes.count { $0 == .malformed(fault) }
            return count == 0 ? nil : (fault, count)
        }
    }
}

/// What the verdicts on a set of questions come to. Both orders weigh the same, and every question does.
package struct JudgeFigures: Sendable, Equatable {
    /// One question with a verdict at least in either order.
    struct Scored {
        /// Means over both orders.
        let score: Double
        let beside: Double
        /// By how much the contestant's score is higher, where its answer is shown first, and where it is shown second.
        let lead: Double
        let leadSecond: Double
        let words: Int
        let wordsBeside: Int

        init?(_ question: JudgeTally.Question) {
            func mean(_ outcomes: [JudgeOutcome]) -> (Double, Double)? {
                let verdicts = outcomes.compactMap { if case .verdict(let verdict) = $0 { verdict } else { nil } }
                guard !verdicts.isEmpty else { return nil }
                let count = Double(verdicts.count)
                return (
                    verdicts.reduce(0) { $0 + $1.first } / count, verdicts.reduce(0) { $0 + $1.second } / count
                )
            }
            guard let first = mean(question.first), let second = mean(question.second) else { return nil }
            score = (first.0 + second.1) / 2
            beside = (first.1 + second.0) / 2
            lead = first.0 - first.1
            leadSecond = second.1 - second.0
            words = question.words
            wordsBeside = question.wordsBeside
        }

        /// 1 where both orders find the contestant's answer better, -1 where both find it worse, else 0.
        var winner: Int { lead > 0 && leadSecond > 0 ? 1 : lead < 0 && leadSecond < 0 ? -1 : 0 }
    }

    /// Questions that count.
    package let count: Int
    /// The sums of the questions' mean scores, as the table of the FedIT paper has them.
    package let sum: Double
    package let sumBeside: Double
    /// Questions where both orders find the contestant's answer better, or worse.
    package let won: Int
    package let lost: Int
    /// Questions where the two orders contradict each other: which answer is better follows from which is shown first.
    package let orderDecided: Int
    /// By how much an answer's score is higher when it is shown first; the mean over questions.
    package let firstAdvantage: Double?
    /// Of the questions that are won or lost and have answers of unlike length, those that the longer answer won.
    package let longerWon: Int
    package let unlikeLengths: Int
    /// The answers' mean lengths in words.
    package let words: Double?
    package let wordsBeside: Double?
    /// 95 % intervals over questions; nil for fewer than two.
    package let relativeInterval: ScoreDetails.Interval?
    package let differenceInterval: ScoreDetails.Interval?

    /// Questions of which at least one order finds both answers equal.
    package var tied: Int { count - won - lost - orderDecided }
    package var mean: Double? { count == 0 ? nil : sum / Double(count) }
    package var meanBeside: Double? { count == 0 ? nil : sumBeside / Double(count) }
    /// The contestant's sum over the other's: the paper's relative score.
    package var relative: Double? { count == 0 ? nil : sum / sumBeside }

    init(_ scored: [Scored], seed: UInt64 = 42) {
        count = scored.count
        sum = scored.reduce(0) { $0 + $1.score }
        sumBeside = scored.reduce(0) { $0 + $1.beside }
        won = scored.count { $0.winner > 0 }
        lost = scored.count { $0.winner < 0 }
        orderDecided = scored.count { $0.lead * $0.leadSecond < 0 }
        let unlike = scored.filter { $0.winner != 0 && $0.words != $0.wordsBeside }
        unlikeLengths = unlike.count
        longerWon = unlike.count { ($0.winner > 0) == ($0.words > $0.wordsBeside) }
        func mean(_ value: (Scored) -> Double) -> Double? {
            scored.isEmpty ? nil : scored.reduce(0) { $0 + value($1) } / Double(scored.count)
        }
        firstAdvantage = mean { ($0.lead - $0.leadSecond) / 2 }
        words = mean { Double($0.words) }
        wordsBeside = mean { Double($0.wordsBeside) }
        let draws = ScoreDetails.resampled(scored.count, seed: seed, label: "judge") { drawn -> (Double, Double) in
            let own = drawn.reduce(0) { $0 + scored[$1].score }
            let other = drawn.reduce(0) { $0 + scored[$1].beside }
            return (own / other, (own - other) / Double(drawn.count))
        }
        relativeInterval = ScoreDetails.interval(draws.map(\.0))
        differenceInterval = ScoreDetails.interval(draws.map(\.1))
    }
}
