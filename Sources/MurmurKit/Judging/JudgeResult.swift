package import InstructionTuning
import Observability
package import Storage

/// What a judge's verdicts come to, and how much they are worth.
package struct JudgeResult: Sendable {
    package let plan: JudgePlan
    package let endpoint: String
    /// Pair by pair, in the plan's order.
    package let tallies: [JudgeTally]
    /// What answered, in the endpoint's words.
    package let models: [String]
    /// What the endpoint counted, replies of before among it.
    package let tokensIn: Int
    package let tokensOut: Int
    /// Replies that the limit of tokens ended.
    package let cutShort: Int
    package let prices: JudgePrices?
    /// Why requests have no reply, and how many each.
    package let failures: [(reason: String, count: Int)]
    /// Whether asking ended early, as the endpoint failed too often.
    package let hasGivenUp: Bool
    /// Lines of the file of replies that are none.
    package let unreadable: Int

    /// A larger share of malformed verdicts than this is a judge that does not know the form.
    package static let malformedShareAllowed = 0.1

    package var verdicts: Int { tallies.reduce(0) { $0 + $1.verdicts } }
    package var malformed: Int { tallies.reduce(0) { $0 + $1.malformed.reduce(0) { $0 + $1.count } } }
    package var missing: Int { tallies.reduce(0) { $0 + $1.missing } }

    /// The share of the replies that have no verdict; nil where there are no replies.
    package var malformedShare: Double? {
        verdicts + malformed == 0 ? nil : Double(malformed) / Double(verdicts + malformed)
    }

    /// Success is every reply there, and nearly every one a verdict.
    package var status: ExitStatus {
        var found: [ExitStatus] = []
        if missing > 0 { found.append(.partial) }
        if malformedShare ?? 1 > Self.malformedShareAllowed { found.append(.short) }
        return ExitStatus.worst(found)
    }

    /// What a pair is called: the contestant and the one that it is set beside.
    package func names(of pair: Int) -> (contestant: String, beside: String) {
        let places = plan.pairs[pair]
        return (plan.contestants[places.contestant].name, plan.contestants[places.beside].name)
    }
}

extension JudgeResult {
    /// The judge by name, how it was asked, and what came of it.
    package var notes: [String] {
        let others = models.filter { $0 != plan.settings.model }
        let named = others.isEmpty ? "" : " (which answers as \(others.joined(separator: ", ")))"
        let form = plan.settings.form == .line ? "" : ", with verdicts as \(plan.settings.form.rawValue)"
        var notes = [
            "Judge: \(plan.settings.model)\(named) at \(endpoint). Each pair of answers in both orders, "
                + "\(plan.settings.repeats) times\(form). Relative: the sum of the contestant's mean scores over the other's, with "
                + "the 95 % bootstrap interval over questions; 1 is equal.",
            "Replies: \(verdicts) with a verdict, \(malformed) malformed (\(Readable.percent(malformedShare))), which score "
                + "nothing\(malformedWords); \(missing) missing\(failureWords).",
        ]
        if cutShort > 0 {
            notes.append(
                "\(cutShort) replies were ended by the limit of \(plan.settings.maximumTokens) tokens (--max-tokens).")
        }
        if malformedShare ?? 0 > Self.malformedShareAllowed {
            notes.append(
                "More than \(Readable.percent(Self.malformedShareAllowed)) of the replies are malformed: this judge does not "
                    + "keep to the form, and the questions that count are not a fair choice of all.")
        }
        for (pair, tally) in tallies.enumerated() {
            let (contestant, beside) = names(of: pair)
            if tally.incomplete > 0 {
                notes.append(
                    "\(contestant) beside \(beside): \(tally.incomplete) of \(tally.questions.count) questions do not count, "
                        + "as one of the orders has no verdict.")
            }
            let unanswered = plan.unanswered(by: pair)
            if unanswered > 0 {
                notes.append("\(contestant) beside \(beside): \(unanswered) questions have one answer only.")
            }
            if let note = biasNote(tally.figures, "\(contestant) beside \(beside)") { notes.append(note) }
        }
        if hasGivenUp { notes.append("Asking ended early: the endpoint failed too often in a row.") }
        if unreadable > 0 {
            notes.append("\(unreadable) lines of \(JudgeCache.fileName) cannot be read and do not count.")
        }
        if tokensIn + tokensOut > 0 {
            let cost = prices.map {
                ", \(Readable.number($0.cost(tokensIn: tokensIn, tokensOut: tokensOut), digits: 2)) in the prices' currency"
            }
            notes.append("The endpoint counted \(tokensIn) tokens in and \(tokensOut) out\(cost ?? "").")
        }
        return notes
    }

    private var malformedWords: String {
        let words = JudgeVerdict.Fault.allCases.compactMap { fault -> String? in
            let count = tallies.reduce(0) { sum, tally in
                sum + tally.malformed.reduce(0) { $0 + ($1.fault == fault ? $1.count : 0) }
            }
            return count == 0 ? nil : "\(fault.rawValue): \(count)"
        }
        return words.isEmpty ? "" : " (\(words.joined(separator: "; ")))"
    }

    private var failureWords: String {
        failures.isEmpty ? "" : " (" + failures.map { "\($0.reason): \($0.count)" }.joined(separator: "; ") + ")"
    }

    private func biasNote(_ figures: JudgeFigures, _ pair: String) -> String? {
        guard figures.count > 0, let advantage = figures.firstAdvantage else { return nil }
        var note =
            "\(pair): the order decided \(figures.orderDecided) of \(figures.count) questions; being shown first is worth "
            + "\(Readable.number(advantage, digits: 2)) points"
        if figures.unlikeLengths > 0 {
            note += "; the longer answer won \(figures.longerWon) of the \(figures.unlikeLengths) that were decided"
        }
        return note + "."
    }

    private static let heads = [
        "contestant", "beside", "questions", "sums", "relative", "interval", "won/tied/lost", "order", "words",
    ]

    private static func cells(_ figures: JudgeFigures) -> [String] {
        let interval = figures.relativeInterval.map {
            "\(Readable.number($0.low)) to \(Readable.number($0.high))"
        }
        return [
            "\(figures.count)",
            figures.count == 0
                ? "–" : "\(Readable.number(figures.sum, digits: 1)), \(Readable.number(figures.sumBeside, digits: 1))",
            Readable.number(figures.relative), interval ?? "–", "\(figures.won)/\(figures.tied)/\(figures.lost)",
            "\(figures.orderDecided)",
            figures.count == 0
                ? "–"
                : "\(Readable.number(figures.words, digits: 0)), \(Readable.number(figures.wordsBeside, digits: 0))",
        ]
    }

    /// A row for each pair: the paper's table, and what it takes to believe it.
    private var rows: [[String]] {
        tallies.enumerated().map { pair, tally in
            let (contestant, beside) = names(of: pair)
            return [contestant, beside] + Self.cells(tally.figures)
        }
    }

    /// A row for each pair and category, where there are several.
    private var categoryRows: [[String]] {
        tallies.enumerated().flatMap { pair, tally -> [[String]] in
            let (categories, (contestant, beside)) = (tally.categories, names(of: pair))
            guard categories.count > 1 else { return [] }
            return categories.map { ["\(contestant): \($0.name)", beside] + Self.cells($0.figures) }
        }
    }

    /// Tables and notes for a terminal.
    package var text: String {
        var table = TextTable(heads: Self.heads)
        table.rows = rows
        var lines = table.lines
        if !categoryRows.isEmpty {
            table.rows = categoryRows
            lines += [""] + table.lines
        }
        return (lines + [""] + notes).joined(separator: "\n")
    }

    /// The same for a page.
    package var markdown: String {
        func line(_ cells: [String]) -> String {
            "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
        }
        let head = [line(Self.heads), "|" + String(repeating: "---|", count: Self.heads.count)]
        var lines = head + rows.map(line)
        if !categoryRows.isEmpty { lines += [""] + head + categoryRows.map(line) }
        return (lines + [""] + notes.map { "- " + $0 }).joined(separator: "\n")
    }
}

extension JudgeResult {
    /// The figures, for programs.
    package var json: JSONValue {
        .object(
            JSONObject([
                ("judge", .text(plan.settings.model)), ("endpoint", .text(endpoint)),
                ("answered_as", .array(models.map { .text($0) })), ("version", .text(Release.version)),
                ("verdict_form", .text(plan.settings.form.rawValue)), ("repeats", .integer(plan.settings.repeats)),
                ("contestants", .array(plan.contestants.map { .text($0.name) })),
                ("verdicts", .integer(verdicts)), ("malformed", .integer(malformed)), ("missing", .integer(missing)),
                ("cut_short", .integer(cutShort)), ("tokens_in", .integer(tokensIn)),
                ("tokens_out", .integer(tokensOut)),
                (
                    "failures",
                    .array(
                        failures.map {
                            .object(JSONObject([("reason", .text($0.reason)), ("requests", .integer($0.count))]))
                        })
                ),
                ("pairs", .array(tallies.indices.map { json(ofPair: $0) })),
                ("exit_code", .integer(Int(status.rawValue))), ("notes", .array(notes.map { .text($0) })),
            ]))
    }

    private func json(ofPair pair: Int) -> JSONValue {
        let (tally, (contestant, beside)) = (tallies[pair], names(of: pair))
        let categories = tally.categories.map { ($0.name, JSONValue.object(JSONObject(Self.members(of: $0.figures)))) }
        return .object(
            JSONObject(
                [("contestant", .text(contestant)), ("beside", .text(beside))] + Self.members(of: tally.figures)
                    + [
                        ("incomplete", .integer(tally.incomplete)), ("verdicts", .integer(tally.verdicts)),
                        (
                            "malformed",
                            .object(JSONObject(tally.malformed.map { ($0.fault.rawValue, .integer($0.count)) }))
                        ),
                        ("missing", .integer(tally.missing)), ("categories", .object(JSONObject(categories))),
                    ]))
    }

    private static func members(of figures: JudgeFigures) -> [(String, JSONValue)] {
        func number(_ value: Double?) -> JSONValue { value.map { .number($0) } ?? .null }
        func interval(_ interval: ScoreDetails.Interval?) -> JSONValue {
            interval.map { .array([.number($0.low), .number($0.high)]) } ?? .null
        }
        return [
            ("questions", .integer(figures.count)), ("sum", .number(figures.sum)),
            ("sum_beside", .number(figures.sumBeside)), ("mean", number(figures.mean)),
            ("mean_beside", number(figures.meanBeside)), ("relative", number(figures.relative)),
            ("relative_interval", interval(figures.relativeInterval)),
            ("difference_interval", interval(figures.differenceInterval)), ("won", .integer(figures.won)),
            ("tied", .integer(figures.tied)), ("lost", .integer(figures.lost)),
            ("order_decided", .integer(figures.orderDecided)), ("first_advantage", number(figures.firstAdvantage)),
            ("longer_won", .integer(figures.longerWon)), ("unlike_lengths", .integer(figures.unlikeLengths)),
            ("words", number(figures.words)), ("words_beside", number(figures.wordsBeside)),
        ]
    }
}
