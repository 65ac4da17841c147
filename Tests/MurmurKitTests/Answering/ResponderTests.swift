import InstructionTuning
import LinearAlgebra
import MurmurKit
import Observability
import Testing

@Suite struct ResponderTests {
    static let record = InstructionRecord(instruction: "Put the numbers in order.", context: "16 29 4", response: "")

    @Test func anAnswerIsTheSameWholeAndInPieces() async throws {
        let model = try AdaptedModel(base: "builtin:fledgling", adapter: nil)
        let responder = try ModelResponder.onAllProcessors(
            model, template: "terse", sampling: SamplingChoices(maximumTokens: 12))
        var pieces: [String] = []
        for try await piece in responder.response(to: .instruction(Self.record)) { pieces.append(piece) }
        let whole = try await responder.wholeResponse(to: .instruction(Self.record))
        #expect(pieces.joined() == whole)
        #expect(!whole.isEmpty)
        #expect(responder.text(of: .instruction(Self.record)).contains("Put the numbers in order."))
    }

    @Test func aTextIsContinued() async throws {
        let model = try AdaptedModel(base: "builtin:fledgling", adapter: nil, weights: .fp32)
        func answer(_ seed: UInt64) async throws -> String {
            let responder = try ModelResponder.onAllProcessors(
                model, template: "terse",
                sampling: SamplingChoices(maximumTokens: 8, temperature: 1.5, topK: 50, topP: 0.95, seed: seed))
            #expect(responder.text(of: .text("Once upon")) == "Once upon")
            return try await responder.wholeResponse(to: .text("Once upon"))
        }
        #expect(try await answer(1) == (try await answer(1)))
        let empty = try ModelResponder.onAllProcessors(
            model, template: "terse", sampling: SamplingChoices(maximumTokens: 8))
        await #expect(throws: CommandFailure.self) { try await empty.wholeResponse(to: .text("")) }
    }

    @Test func whoeverStopsReadingEndsTheWork() async throws {
        let model = try AdaptedModel(base: "builtin:fledgling", adapter: nil)
        let responder = try ModelResponder.onAllProcessors(
            model, template: "terse", sampling: SamplingChoices(maximumTokens: 4_000, temperature: 5))
        for try await _ in responder.response(to: .text("Once upon a time")) { break }
        // The lane is free again long before four thousand tokens are written.
        let short = try ModelResponder.onAllProcessors(
            model, template: "terse", sampling: SamplingChoices(maximumTokens: 2))
        _ = try await short.wholeResponse(to: .text("Once"))
    }

    /// Measuring with a responder gives what the evaluator gives that generates by itself.
    @Test func evaluationIsTheEvaluators() async throws {
        let model = try AdaptedModel(base: "builtin:fledgling", adapter: nil)
        let records = try BuiltInChores().records(count: 70, seed: 3)
        let encoder = try model.encoder(template: "terse", cutoff: 96)
        let summary = try await Evaluation(model, encoder: encoder, answerTokens: 6).run(records)
        let evaluator = try Evaluator(
            records: records, model: model.model, lora: nil, encoder: encoder, lane: .shared(for: 0),
            options: .init(maximumTokens: 6))
        #expect(summary == (try await evaluator.evaluate()))
        let table = Evaluation.table(summary)
        #expect(table.rows.count == summary.categories.count + 1 && table.rows.last?.first == "all")
        let losses = try await Evaluation(model, encoder: encoder, answerTokens: 0).run(records)
        #expect(losses.loss == summary.loss && losses.rougeL == nil && losses.exactMatch == nil)
    }
}
