import Foundation
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// `murmur judge` with real processes: answers, our own endpoint, scores.
    @Suite(.timeLimit(.minutes(5))) struct JudgeTests {
        private static let questions = """
            {"question_id": 1, "category": "order", "turns": ["Put the numbers in order: 16 29 4"]}
            {"question_id": 2, "category": "echo", "turns": ["Say cat."]}
            """

        private func answers(
            _ name: String, _ options: [String], in folder: String
        ) async throws -> MurmurProcess.Outcome {
            try await MurmurProcess.run(
                [
                    "judge", "answers", "--questions", "\(folder)/q.jsonl", "--max-new-tokens", "8", "--out",
                    "\(folder)/\(name)",
                ]
                    + options, in: folder)
        }

        /// The built-in model is no judge: its verdicts are malformed, and the exit code says so.
        @Test func aTinyJudgeTriesTheMachinery() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            try folder.write(Self.questions, to: "q.jsonl")
            for (name, options) in [("a.jsonl", [] as [String]), ("b.jsonl", ["--temperature", "2"])] {
                let outcome = try await answers(name, options, in: path)
                #expect(outcome.status == 0 && outcome.output.contains("answers to 2 questions"), "\(outcome.error)")
            }
            let before = try String(contentsOfFile: "\(path)/a.jsonl", encoding: .utf8)
            #expect(before.split(separator: "\n").count == 2)
            #expect(try await answers("a.jsonl", [], in: path).status == 0)
            #expect(try String(contentsOfFile: "\(path)/a.jsonl", encoding: .utf8) == before)
            let other = try await answers("a.jsonl", ["--seed", "7"], in: path)
            #expect(other.status == 1 && other.error.contains("other settings"), "\(other.error)")

            let server = try MurmurProcess(["serve", "--port", "0", "--context", "4096"], in: path, name: "serve")
            defer { server.send(SIGTERM) }
            var address: Substring?
            while address == nil, server.isRunning {
                try await Task.sleep(for: .milliseconds(20))
                let said = try String(contentsOfFile: "\(path)/serve.out", encoding: .utf8)
                address = said.firstMatch(of: /http:\/\/127\.0\.0\.1:\d+/)?.output
            }
            let score =
                [
                    "judge", "score", "--questions", "\(path)/q.jsonl", "--answers", "\(path)/a.jsonl", "--answers",
                    "hot=\(path)/b.jsonl", "--endpoint", "\(try #require(address))/v1", "--judge", "builtin:fledgling",
                    "--out",
                    "\(path)/judging", "--repeats", "1", "--max-tokens", "16", "--key-variable", "MURMUR_NO_KEY",
                ]
            let dry = try await MurmurProcess.run(score + ["--dry-run"], in: path)
            #expect(dry.status == 0 && dry.output.contains("4 requests, 0 of them answered before, 4 to ask"))
            #expect(!FileManager.default.fileExists(atPath: "\(path)/judging"))
            let priced = try await MurmurProcess.run(score + ["--price-in", "1", "--price-out", "2"], in: path)
            #expect(priced.status == 1 && priced.error.contains("nothing was asked"), "\(priced.error)")
            let done = try await MurmurProcess.run(score, in: path)
            #expect(done.status == 8 && done.output.contains("hot"), "\(done.output)\(done.error)")
            let json = try JSONValue.parse(
                [UInt8](Data(contentsOf: URL(fileURLWithPath: "\(path)/judging/judge.json"))))
            #expect(json["malformed"]?.int == 4 && json["missing"]?.int == 0 && json["exit_code"]?.int == 8)
            #expect(json["judge"]?.text == "builtin:fledgling" && json["contestants"]?.array?.count == 2)
            // Our own endpoint has no structured outputs, and says so; so does the command, with what else to try.
            let structured = try await MurmurProcess.run(score + ["--verdicts", "json"], in: path)
            #expect(structured.status == 1 && structured.error.contains("status 400: response_format"))
            #expect(structured.error.contains("--verdicts line"), "\(structured.error)")
            server.send(SIGTERM)
            _ = try await server.wait()
            // All replies are there: nobody needs to answer any more.
            let again = try await MurmurProcess.run(score + ["--json"], in: path)
            #expect(again.status == 8, "\(again.error)")
            #expect(try JSONValue.parse(Array(again.output.utf8)) == json)
        }

        @Test func recordsOfAnyKindAreQuestions() async throws {
            let folder = try TemporaryFolder()
            try folder.write("question,reply\nSay cat.,cat\nSay dog.,dog\n", to: "q.csv")
            let outcome = try await MurmurProcess.run(
                [
                    "judge", "answers", "--questions", folder.path("q.csv"), "--fields",
                    "instruction=question,response=reply",
                    "--records", "1", "--max-new-tokens", "4", "--out", folder.path("a.jsonl"),
                ], in: folder.url.path)
            #expect(outcome.status == 0 && outcome.output.contains("answers to 1 questions"), "\(outcome.error)")
        }

        @Test func wrongUsesAreToldInALine() async throws {
            let folder = try TemporaryFolder()
            let path = folder.url.path
            try folder.write(Self.questions, to: "q.jsonl")
            try folder.write("{\"question_id\": 1, \"answer\": \"a\"}\n", to: "a.jsonl")
            try folder.write("{\"question_id\": 9, \"answer\": \"a\"}\n", to: "b.jsonl")
            func score(_ endpoint: String, _ more: [String]) async throws -> MurmurProcess.Outcome {
                try await MurmurProcess.run(
                    [
                        "judge", "score", "--questions", "\(path)/q.jsonl", "--endpoint", endpoint, "--judge", "m",
                        "--out",
                        "\(path)/out", "--answers", "\(path)/a.jsonl",
                    ] + more, in: path)
            }
            for (endpoint, more, status, words) in [
                ("http://127.0.0.1:1/v1", [], 2, "two contestants"),
                ("http://127.0.0.1:1/v1", ["--answers", "b=\(path)/b.jsonl"], 1, "do their ids agree"),
                ("http://127.0.0.1:1/v1", ["--answers", "a=\(path)/b.jsonl"], 1, "two contestants are called a"),
                ("127.0.0.1:1", ["--answers", "b=\(path)/b.jsonl"], 1, "the endpoint is an address"),
                ("http://127.0.0.1:1/v1", ["--answers", "\(path)/c.jsonl"], 1, "there is no such file"),
                ("http://127.0.0.1:1/v1", ["--answers", "c=\(path)/a.jsonl", "--price-in", "1"], 2, "belong together"),
                (
                    "http://127.0.0.1:1/v1", ["--answers", "c=\(path)/a.jsonl", "--verdicts", "xml"], 2,
                    "'line', 'json' or 'json-object'"
                ),
            ] as [(String, [String], Int32, String)] {
                let outcome = try await score(endpoint, more)
                #expect(outcome.status == status && outcome.error.contains(words), "\(outcome.error)")
                if status == 1 { #expect(outcome.error.split(separator: "\n").count == 1, "\(outcome.error)") }
            }
        }
    }
}
