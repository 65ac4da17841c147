import InstructionTuning
import LanguageModel
import LinearAlgebra
import MurmurKit
import Testing

@Suite struct AnswerDeskTests {
    private let model: AdaptedModel

    init() throws {
        model = try AdaptedModel(base: "builtin:fledgling", adapter: nil)
    }

    private func desk(rows: Int, waiting: Int = .max) -> AnswerDesk {
        AnswerDesk(model, lane: ComputeLane(), threads: 1, rows: rows, waitingLimit: waiting)
    }

    private func request(
        _ text: String, tokens: Int = 12, temperature: Double = 0, stops: [String] = []
    ) -> AnswerRequest {
        AnswerRequest(
            prompt: model.tokens(continuing: text),
            options: GenerationOptions(maximumTokens: tokens, stopTokens: [], temperature: temperature),
            stopTexts: stops)
    }

    private func text(_ pieces: AsyncThrowingStream<AnswerPiece, any Error>) async throws -> (String, AnswerPiece?) {
        var (text, last): (String, AnswerPiece?) = ("", nil)
        for try await piece in pieces {
            if case .text(let more) = piece { text += more }
            last = piece
        }
        return (text, last)
    }

    @Test func manyAnswersAreThoseOfOne() async throws {
        let desk = desk(rows: 5)
        let prompts = (0..<17).map { "Once upon a time there were \($0)" }
        var alone: [String] = []
        for prompt in prompts { alone.append(try await text(desk.answer(request(prompt))).0) }
        let together = try await withThrowingTaskGroup(of: (Int, String).self) { group in
            for (index, prompt) in prompts.enumerated() {
                group.addTask { (index, try await text(desk.answer(request(prompt))).0) }
            }
            return try await group.reduce(into: [Int: String]()) { $0[$1.0] = $1.1 }
        }
        #expect(prompts.indices.map { together[$0] } == alone)
    }

    @Test func whoComesToAFullDeskIsTold() async throws {
        let desk = desk(rows: 1, waiting: 2)
        var streams: [AsyncThrowingStream<AnswerPiece, any Error>] = []
        var refused = 0
        for _ in 0..<12 {
            do throws(AnswerFault) {
                streams.append(try await desk.answer(request("Once", tokens: 2_000, temperature: 3)))
            } catch {
                if case .full = error { refused += 1 }
            }
        }
        // One is written, two wait; the first may have begun before the others came.
        #expect(refused >= 9 && streams.count >= 2)
        // Whoever leaves makes room.
        streams = []
        var isDone = false
        for _ in 0..<1000 where !isDone {
            let load = await desk.load
            isDone = load.writing == 0 && load.waiting == 0
            if !isDone { try await Task.sleep(for: .milliseconds(5)) }
        }
        #expect(isDone)
        #expect(try await !text(desk.answer(request("Once"))).0.isEmpty)
    }

    @Test func aTextStopsTheAnswer() async throws {
        let desk = desk(rows: 4)
        let (whole, last) = try await text(desk.answer(request("Once upon a time", tokens: 30)))
        #expect(last == .end(.length, tokens: 30))
        let middle = whole.dropFirst(whole.count / 2).prefix(4)
        let (short, end) = try await text(
            desk.answer(request("Once upon a time", tokens: 30, stops: ["no such text", String(middle)])))
        let expected = try #require(whole.range(of: middle)).lowerBound
        #expect(short == whole[..<expected])
        guard case .end(.stop, let tokens) = end else {
            Issue.record("\(String(describing: end))")
            return
        }
        #expect(tokens < 30)
        // Its row is free again.
        #expect(try await text(desk.answer(request("Once upon a time", tokens: 30))).0 == whole)
    }

    @Test func whatTakesTooLongEnds() async throws {
        let desk = desk(rows: 1)
        var late = request("Once", tokens: 100_000, temperature: 3)
        late.deadline = .now + .milliseconds(30)
        await #expect(throws: AnswerFault.late) { try await text(desk.answer(late)) }
        #expect(try await !text(desk.answer(request("Once"))).0.isEmpty)
        await #expect(throws: EngineError.self) {
            try await text(desk.answer(AnswerRequest(prompt: [], options: request("Once").options)))
        }
    }
}
