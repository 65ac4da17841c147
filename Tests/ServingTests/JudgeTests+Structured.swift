import Foundation
import InstructionTuning
import MurmurKit
import Storage
import TestSupport
import Testing

/// Verdicts as JSON objects, over real HTTP.
extension JudgeTests {
    /// A judge with structured outputs of one of the two kinds: what a request does not ask for in its form it answers with
    /// words alone. Good answers get 8 and bad ones 4, and the first a point more.
    private static func structured(_ asked: ScriptedJudge.Asked) -> ScriptedJudge.Answer {
        let format = asked.body["response_format"]
        let schema = format?["type"]?.text == "json_schema" ? format?["json_schema"]?["schema"] : format?["schema"]
        guard schema?["required"]?.array?.compactMap(\.text) == ["reason", "first", "second"] else {
            return .reply("One is better than the other.")
        }
        let text = asked.body["messages"]?.array?.last?["content"]?.text ?? ""
        guard let good = text.range(of: "a good answer"), let bad = text.range(of: "a bad answer") else {
            return .status(400)
        }
        return .reply(
            good.lowerBound < bad.lowerBound
                ? #"{"reason":"One is.","first":9,"second":4}"# : #"{"reason":"Two is.","first":5,"second":8}"#)
    }

    @Test(arguments: [VerdictForm.json, .jsonObject]) func objectsBecomeTheTable(form: VerdictForm) async throws {
        let folder = try TemporaryFolder()
        let judge = ScriptedJudge { _, asked in Self.structured(asked) }
        try await judge.serve { port in
            let address = "http://127.0.0.1:\(port)/v1"
            let run = try Self.run(address, folder: folder.url.path, form: form)
            let result = try await run.run()
            #expect(result.status == .success && result.verdicts == 24 && result.malformed == 0)
            let figures = try #require(result.tallies.first).figures
            #expect(figures.count == 6 && figures.sum == 51 && figures.sumBeside == 27 && figures.won == 6)
            #expect(result.json["verdict_form"]?.text == form.rawValue)
            #expect(result.text.contains("with verdicts as \(form.rawValue)"))
            // Its replies are nobody else's: each form asks for its own.
            for other in VerdictForm.allCases {
                let toAsk = try Self.run(address, folder: folder.url.path, form: other).estimate.toAsk
                #expect(toAsk == (other == form ? 0 : 24), "\(other)")
            }
        }
        #expect(judge.requests.count == 24)
        #expect(judge.requests.allSatisfy { $0.body["response_format"] == form.responseFormat })
    }

    @Test func objectsThatAreNoVerdictsAreCountedByReason() async throws {
        let folder = try TemporaryFolder()
        let judge = ScriptedJudge { number, asked in
            switch number % 6 {
            case 0: .reply("```json\n{\"reason\":\"a\",\"first\":1,\"second\":9}\n```")
            case 1: .reply(#"{"first":1,"second":9}"#)
            case 2: .reply(#"{"reason":"a","first":1,"second":99}"#)
            case 3: .reply("Scores: 1 9")
            default: Self.structured(asked)
            }
        }
        try await judge.serve { port in
            let result = try await Self.run(
                "http://127.0.0.1:\(port)/v1", folder: folder.url.path, concurrency: 1, form: .json
            ).run()
            #expect(result.status == .short && result.verdicts == 8 && result.malformed == 16)
            #expect(result.tallies[0].malformed.map(\.fault) == [.object, .members, .range])
            #expect(result.tallies[0].malformed.map(\.count) == [8, 4, 4])
            let figures = result.tallies[0].figures
            #expect(figures.count > 0 && figures.mean == 8.5 && figures.meanBeside == 4.5)
        }
    }

    /// How endpoints say that they do not know the form: OpenAI's and LM Studio's way, FastAPI's, and llama-cpp-python's,
    /// whose status would have the request sent again.
    @Test(
        arguments: [
            (400, #"{"error":{"message":"'response_format.type' must be 'text'","param":"response_format"}}"#),
            (400, #"{"error":"'response_format.type' must be 'json_object'"}"#),
            (422, #"{"detail":[{"type":"literal_error","loc":["body","response_format","type"]}]}"#),
            (500, #"{"error":{"message":"1 validation error:\n  {'loc': ('body', 'response_format', 'type')}"}}"#),
        ])
    func anEndpointWithoutTheFormIsSaidAtOnce(status: Int, body: String) async throws {
        for (form, others) in [(VerdictForm.json, ["json-object", "line"]), (.jsonObject, ["json", "line"])] {
            let folder = try TemporaryFolder()
            let pauses = PauseBook()
            let judge = ScriptedJudge { _, _ in .status(status, body: body) }
            try await judge.serve { port in
                let run = try Self.run(
                    "http://127.0.0.1:\(port)/v1", folder: folder.url.path, concurrency: 1, form: form, pauses: pauses)
                let failure = await #expect(throws: CommandFailure.self) { try await run.run() }
                let words = failure?.description ?? ""
                #expect(words.contains("refuses: status \(status): ") && words.contains("response_format"), "\(words)")
                #expect(others.allSatisfy { words.contains("--verdicts \($0) ") } && !words.contains("\n"), "\(words)")
            }
            #expect(judge.requests.count == 1 && pauses.all.isEmpty)
        }
    }

    /// A status that may pass is asked again, with the form as without; and who sent no form is refused none.
    @Test func otherFailuresAreAskedAgainAsEver() async throws {
        let folder = try TemporaryFolder()
        let judge = ScriptedJudge { number, asked in
            number == 0 ? .status(500, body: #"{"error":{"message":"busy"}}"#) : Self.structured(asked)
        }
        try await judge.serve { port in
            let address = "http://127.0.0.1:\(port)/v1"
            let result = try await Self.run(address, folder: folder.url.path, concurrency: 1, form: .json).run()
            #expect(result.status == .success && result.verdicts == 24)
        }
        #expect(judge.requests.count == 25)
        let odd = ScriptedJudge { _, _ in .status(400, body: #"{"error":"response_format?"}"#) }
        try await odd.serve { port in
            let run = try Self.run("http://127.0.0.1:\(port)/v1", folder: folder.url.path, concurrency: 1)
            let failure = await #expect(throws: CommandFailure.self) { try await run.run() }
            #expect(failure?.description.contains("no reply") == true && odd.requests.count == 24)
            #expect(failure?.description.contains("--verdicts") == false)
        }
    }
}
