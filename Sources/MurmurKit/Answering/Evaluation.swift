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

    /// Records that are measured at a time.
    private static let pieceCount = 64

    /// - Parameter answerTokens: the most tokens of a generated answer; zero generates none.
    package init(_ model: AdaptedModel, encoder: RecordEncoder, answerTokens: Int) {
        self.model = model
        self.encoder = encoder
        self.answerTokens = answerTokens
    }

    /// The summary over all of `records`; `told` hears after each piece how many of how many are done.
    package func run(
        _ records: [InstructionRecord], told: @escaping @Sendable (Int, Int) -> Void = { _, _ in }
    ) async throws -> EvaluationSummary {
        let pieces = stride(from: 0, to: records.count, by: Self.pieceCount).map {
            Array(records[$0..<min($0 + Self.pieceCount, records.count)])
        }
        let counter = Counter { told($0, pieces.count) }
        let scores = try await Lanes.map(pieces) { lane in
            let responder = ModelResponder(
                model, encoder: encoder, sampling: SamplingChoices(maximumTokens: answerTokens), lane: lane)
            return { piece in
                defer { counter.add(1) }
                return try await self.scores(of: piece, lane: lane, responder: responder)
            }
        }
        return EvaluationSummary(scores.flatMap { $0 })
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
        for (place, record) in measured.enumerated() {
            let answer = try await responder.wholeResponse(to: .instruction(record))
            scores[place].rougeL = RougeL.score(answer, record.response)
            scores[place].isExact = ExactMatch.matches(answer, record.response)
        }
        return scores
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
