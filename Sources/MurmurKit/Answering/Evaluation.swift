import Adapters
package import InstructionTuning
import LanguageModel
import LinearAlgebra
package import Observability

/// How well a model, or a model with an adapter, answers instructions: the records are divided over the machine's lanes,
/// and each is measured by its loss and, where wanted, by a generated answer.
package struct Evaluation: Sendable {
    private let model: AdaptedModel
    private let encoder: RecordEncoder
    private let answerTokens: Int
    private let sideBySide: Int

    /// Records that are measured at a time.
    private static let pieceCount = 64

    /// - Parameters:
    ///   - answerTokens: the most tokens of a generated answer; zero generates none.
    ///   - sideBySide: how many answers each lane writes at a time.
    package init(_ model: AdaptedModel, encoder: RecordEncoder, answerTokens: Int, sideBySide: Int = 16) {
        self.sideBySide = sideBySide
        self.model = model
        self.encoder = encoder
        self.answerTokens = answerTokens
    }

    /// The summary over all of `records`; `told` hears after each piece how many of how many are done.
    package func run(
        _ records: [InstructionRecord], told: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) async throws -> EvaluationSummary {
        EvaluationSummary(try await scores(of: records, told: told))
    }

    /// What measuring each of `records` gave; `told` hears the same.
    package func scores(
        of records: [InstructionRecord], told: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) async throws -> [RecordScore] {
        let pieces = stride(from: 0, to: records.count, by: Self.pieceCount).map {
            Array(records[$0..<min($0 + Self.pieceCount, records.count)])
        }
        let counter = Counter { told($0, pieces.count) }
        let scores = try await Lanes.map(pieces) { lane in
            let responder = ModelResponder(
                model, encoder: encoder, sampling: SamplingChoices(maximumTokens: answerTokens), lane: lane,
                rows: sideBySide)
            return { piece in
                defer { counter.add(1) }
                return try await self.scores(of: piece, lane: lane, responder: responder)
            }
        }
        return scores.flatMap { $0 }
    }

    private func scores(
        of records: [InstructionRecord], lane: ComputeLane, responder: any Responder
    ) async throws -> [RecordScore] {
        let evaluator = try Evaluator(
            records: records, model: model.model, lora: model.adapter?.configuration, encoder: encoder, lane: lane,
            options: Evaluator.Options(generates: false))
        Terminal.warn(
            ModelWarnings.length(
                model.model.configuration, cutoff: encoder.cutoff, longest: evaluator.report.longest))
        var scores = try await evaluator.scores(adapter: model.adapter?.values ?? [])
        guard answerTokens > 0 else { return scores }
        // Records that leave no room for a response have no score.
        let measured = EncodedRecords(records, with: encoder.forResponses).records
        // All at once: the responder writes them side by side, and a text does not depend on those beside it.
        try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for (place, record) in measured.enumerated() {
                group.addTask { (place, try await responder.wholeResponse(to: .instruction(record))) }
            }
            for try await (place, answer) in group {
                scores[place].measure(answer, expected: measured[place].response)
            }
        }
        return scores
    }

    /// The details in a line.
    package static func line(_ details: ScoreDetails) -> String {
        func words(_ name: String, _ interval: ScoreDetails.Interval?, _ text: (Double) -> String) -> String? {
            interval.map { "\(name) \(text($0.low)) to \(text($0.high))" }
        }
        let intervals = [
            words("loss", details.loss) { Readable.number($0) },
            words("exact match", details.exactMatch) { Readable.percent($0) },
            words("ROUGE-L", details.rougeL) { Readable.percent($0) },
        ].compactMap { $0 }
        var line = intervals.isEmpty ? "" : "95 % intervals: \(intervals.joined(separator: ", "))"
        if let first = details.distinct1 {
            let second = details.distinct2.map { ", distinct-2 \(Readable.percent($0))" } ?? ""
            line += (line.isEmpty ? "" : "; ") + "distinct-1 \(Readable.percent(first))" + second
        }
        return line
    }

    /// The summary by category, as a table.
    package static func table(_ summary: EvaluationSummary) -> TextTable {
        var table = TextTable(heads: ["", "records", "loss", "perplexity", "exact match", "ROUGE-L"])
        for (name, row) in summary.categories.map({ ($0.name, $0.summary) }) + [("all", summary)] {
            table.rows.append([
                name.isEmpty ? "(no category)" : name, "\(row.records)", Readable.number(row.loss),
                Readable.number(row.perplexity, digits: 2), Readable.percent(row.exactMatch),
                Readable.percent(row.rougeL),
            ])
        }
        return table
    }
}
