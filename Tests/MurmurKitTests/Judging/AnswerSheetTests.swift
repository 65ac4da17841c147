import Foundation
import InstructionTuning
import MurmurKit
import TestSupport
import Testing

@Suite struct AnswerSheetTests {
    /// Says what it is asked, in capitals.
    private struct Echo: Responder {
        func response(to prompt: Prompt) -> AsyncThrowingStream<String, any Error> {
            AsyncThrowingStream { continuation in
                if case .instruction(let record) = prompt { continuation.yield(record.instruction.uppercased()) }
                continuation.finish()
            }
        }
    }

    private let questions = ["why", "how", "who"].enumerated().map {
        JudgeQuestion(id: "q\($0)", record: InstructionRecord(instruction: $1, response: "", category: "c"))
    }

    private func sheet(_ path: String, seed: UInt64 = 1) throws -> AnswerSheet {
        try AnswerSheet(
            path, model: "builtin:fledgling", adapter: nil, template: "terse",
            sampling: SamplingChoices(maximumTokens: 8, seed: seed))
    }

    @Test func whatIsAnsweredIsNotAskedAgain() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a.jsonl")
        try await sheet(path).write(Array(questions.prefix(2)), responder: Echo()) { _, _ in }
        #expect(try sheet(path).answered == ["q0", "q1"])
        try await sheet(path).write(questions, responder: Echo()) { _, _ in }
        let answers = try JudgeAnswers.read(path: path, name: "a")
        #expect(answers.answers == ["q0": "WHY", "q1": "HOW", "q2": "WHO"])
        #expect(try String(contentsOfFile: path, encoding: .utf8).split(separator: "\n").count == 3)
        let failure = #expect(throws: CommandFailure.self) { try sheet(path, seed: 2) }
        #expect(failure?.description.contains("other settings") == true)
    }

    @Test func aTornLineIsWrittenAgain() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("a.jsonl")
        try await sheet(path).write(questions, responder: Echo()) { _, _ in }
        let whole = try Data(contentsOf: URL(fileURLWithPath: path))
        for cut in stride(from: 0, to: whole.count, by: 13) {
            try whole.prefix(cut).write(to: URL(fileURLWithPath: path))
            try await sheet(path).write(questions, responder: Echo()) { _, _ in }
            let answers = try JudgeAnswers.read(path: path, name: "a").answers
            #expect(answers == ["q0": "WHY", "q1": "HOW", "q2": "WHO"])
        }
    }

    @Test func somebodysFileIsLeftAlone() throws {
        let folder = try TemporaryFolder()
        for text in ["dear diary", "dear diary\n", "{\"question_id\":\"1\",\"answer\":\"mine\"}\n", "[]\n"] {
            try folder.write(text, to: "mine")
            #expect(throws: CommandFailure.self) { try sheet(folder.path("mine")) }
            #expect(try String(contentsOfFile: folder.path("mine"), encoding: .utf8) == text)
        }
    }
}
