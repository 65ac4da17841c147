import Foundation
import InstructionTuning
import LinearAlgebra
import MurmurKit
import Serving
import Storage
import TestSupport
import Testing

/// The endpoint over real HTTP, with the built-in model.
@Suite struct ChatServerTests {
    /// Runs `body` with an endpoint of the base model, called `fledgling`, and the same once more, called `twin`.
    private func serving(
        _ change: (inout ServingSettings) -> Void = { _ in },
        _ body: (HTTPVisitor) async throws -> Void
    ) async throws {
        var settings = ServingSettings()
        settings.door.port = 0
        settings.rows = 4
        change(&settings)
        let model = try AdaptedModel(base: "builtin:fledgling", adapter: nil)
        let models = try ["fledgling", "twin"].map {
            try ServedModel(name: $0, model, template: "terse", settings: settings, lane: .shared(for: 0), threads: 1)
        }
        let server = ChatServer(models: models, settings: settings)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let work = Task { try await server.run { continuation.yield($0) } }
        defer { work.cancel() }
        let port = try #require(await ports.first { _ in true })
        try await body(HTTPVisitor(port: port))
        work.cancel()
        try await work.value
    }

    private let question = #"{"messages":[{"role":"user","content":"Put the numbers in order."}],"input":"16 29 4","#

    @Test func anAnswerIsTheCommands() async throws {
        let responder = try ModelResponder.onAllProcessors(
            try AdaptedModel(base: "builtin:fledgling", adapter: nil), template: "terse",
            sampling: SamplingChoices(maximumTokens: 24))
        let record = InstructionRecord(instruction: "Put the numbers in order.", context: "16 29 4", response: "")
        let expected = try await responder.wholeResponse(to: .instruction(record))
        try await serving { visitor in
            let whole = try await visitor.ask(
                "POST", "/v1/chat/completions", body: question + #""temperature":0,"max_tokens":24}"#)
            #expect(whole.status == 200)
            let choice = try #require(whole.json["choices"]?.array?.first)
            #expect(choice["message"]?["content"]?.text == expected)
            #expect(choice["message"]?["role"]?.text == "assistant")
            #expect(whole.json["object"]?.text == "chat.completion" && whole.json["model"]?.text == "fledgling")
            let usage = try #require(whole.json["usage"])
            #expect(
                usage["total_tokens"]?.int
                    == (usage["prompt_tokens"]?.int ?? 0) + (usage["completion_tokens"]?.int ?? 0))

            let streamed = try await visitor.ask(
                "POST", "/v1/chat/completions",
                body: question
                    + #""temperature":0,"max_tokens":24,"stream":true,"stream_options":{"include_usage":true},"model":"twin"}"#
            )
            #expect(streamed.headers.lowercased().contains("content-type: text/event-stream"))
            #expect(streamed.events.last == "[DONE]")
            let pieces = try streamed.events.dropLast().map { try JSONValue.parse(Array($0.utf8)) }
            let text = pieces.compactMap { $0["choices"]?.array?.first?["delta"]?["content"]?.text }.joined()
            #expect(text == expected)
            #expect(pieces.last?["usage"]?["total_tokens"]?.int == usage["total_tokens"]?.int)
            #expect(pieces.allSatisfy { $0["model"]?.text == "twin" })
            let reasons = pieces.compactMap { $0["choices"]?.array?.first?["finish_reason"]?.text }
            #expect(reasons == [choice["finish_reason"]?.text])
        }
    }

    @Test func textsAreContinuedManyAtATime() async throws {
        try await serving { visitor in
            let one = try await visitor.ask(
                "POST", "/v1/completions", body: #"{"prompt":"Once upon","max_tokens":8,"temperature":0}"#)
            let text = try #require(one.json["choices"]?.array?.first?["text"]?.text)
            #expect(one.json["object"]?.text == "text_completion" && !text.isEmpty)
            let many = try await visitor.ask(
                "POST", "/v1/completions",
                body: #"{"prompt":["Once upon","The numbers","Once upon"],"n":2,"max_tokens":8,"temperature":0}"#)
            let texts = (many.json["choices"]?.array ?? []).map { $0["text"]?.text }
            #expect(texts.count == 6 && texts[0] == text && texts[1] == text && texts[5] == text)
            let same = #"{"prompt":"Once upon","max_tokens":8,"temperature":2,"seed":5,"top_k":40,"top_p":0.9}"#
            let first = try await visitor.ask("POST", "/v1/completions", body: same)
            let second = try await visitor.ask("POST", "/v1/completions", body: same)
            #expect(first.json["choices"] == second.json["choices"])
            let beams = try await visitor.ask(
                "POST", "/v1/completions", body: #"{"prompt":"Once upon","max_tokens":8,"num_beams":4}"#)
            #expect(beams.status == 200)
        }
    }

    @Test func modelsHealthAndPage() async throws {
        try await serving { visitor in
            let models = try await visitor.ask("GET", "/v1/models")
            #expect((models.json["data"]?.array ?? []).map { $0["id"]?.text } == ["fledgling", "twin"])
            #expect(try await visitor.ask("GET", "/v1/models/twin").json["id"]?.text == "twin")
            #expect(try await visitor.ask("GET", "/v1/models/none").status == 404)
            let health = try await visitor.ask("GET", "/health")
            #expect(health.status == 200 && health.json["status"]?.text == "ok")
            let page = try await visitor.ask("GET", "/")
            #expect(page.status == 200 && page.headers.contains("default-src 'none'"))
            #expect(page.body.contains(#"["fledgling","twin"]"#) && page.body.contains(#"["terse","#))
            // It asks nobody else.
            #expect(!page.body.contains("http://") && !page.body.contains("https://") && !page.body.contains("src="))
        }
    }

    @Test(
        arguments: [
            ("{", 400, nil), ("[]", 400, nil), ("{}", 400, "messages"), (#"{"messages":[]}"#, 400, "messages"),
            (#"{"messages":[{"role":"robot","content":"a"}]}"#, 400, "messages"),
            (#"{"messages":[{"role":"user","content":5}]}"#, 400, "messages"),
            (#"{"messages":[{"role":"assistant","content":"a"}]}"#, 400, "messages"),
            (#"{"messages":[{"role":"user","content":"a"}],"model":"other"}"#, 404, "model"),
            (#"{"messages":[{"role":"user","content":"a"}],"template":"other"}"#, 400, "template"),
            (#"{"messages":[{"role":"user","content":"a"}],"temperature":-1}"#, 400, "temperature"),
            (#"{"messages":[{"role":"user","content":"a"}],"max_tokens":0}"#, 400, "max_tokens"),
            (#"{"messages":[{"role":"user","content":"a"}],"max_tokens":100000}"#, 400, nil),
            (#"{"messages":[{"role":"user","content":"a"}],"stop":[1]}"#, 400, "stop"),
            (#"{"messages":[{"role":"user","content":"a"}],"tools":[{}]}"#, 400, "tools"),
            (#"{"messages":[{"role":"user","content":"a"}],"n":2,"stream":true}"#, 400, "stream"),
            (
                #"{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_schema","json_schema":{}}}"#,
                400, "response_format"
            ),
            (
                #"{"messages":[{"role":"user","content":"a"}],"response_format":{"type":"json_object"}}"#, 400,
                "response_format"
            ),
        ] as [(String, Int, String?)])
    func whatMakesNoSenseIsRefused(body: String, status: Int, parameter: String?) async throws {
        try await serving { visitor in
            let answer = try await visitor.ask("POST", "/v1/chat/completions", body: body)
            #expect(answer.status == status, "\(answer.body)")
            #expect(answer.json["error"]?["message"]?.text?.isEmpty == false)
            #expect(answer.json["error"]?["type"]?.text == "invalid_request_error")
            #expect(answer.json["error"]?["param"]?.text == parameter)
        }
    }

    /// Text is the one form that there is, and who asks for another is told, never answered in text.
    @Test func textIsTheOneFormOfAnAnswer() async throws {
        try await serving { visitor in
            let text = try await visitor.ask(
                "POST", "/v1/chat/completions", body: question + #""response_format":{"type":"text"},"max_tokens":2}"#)
            #expect(text.status == 200, "\(text.body)")
            let json = try await visitor.ask(
                "POST", "/v1/completions", body: #"{"prompt":"a","response_format":{"type":"json_object"}}"#)
            #expect(json.status == 400 && json.json["error"]?["param"]?.text == "response_format", "\(json.body)")
            #expect(json.json["error"]?["message"]?.text?.contains("response_format") == true)
        }
    }

    @Test func limitsHold() async throws {
        try await serving({ settings in
            settings.rows = 1
            settings.waiting = 1
            settings.bodyBytes = 2000
            settings.context = 100_000
        }) { visitor in
            let large = "{\"prompt\":\"\(String(repeating: "a", count: 3000))\"}"
            #expect(try await visitor.ask("POST", "/v1/completions", body: large).status == 413)
            #expect(
                try await visitor.ask(
                    "POST", "/v1/completions", body: "{}", headers: ["Content-Type": "text/plain"]
                ).status == 415)
            #expect(
                try await visitor.ask("GET", "/v1/models", headers: ["Host": "evil.example:80"]).status == 403)
            #expect(try await visitor.ask("GET", "/nowhere").status == 404)
            let long = Self.completion(tokens: 600)
            let answers = try await withThrowingTaskGroup(of: HTTPVisitor.Answer.self) { group in
                for _ in 0..<6 { group.addTask { try await visitor.ask("POST", "/v1/completions", body: long) } }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            // Whom there is no room for is told when to come again.
            let full = answers.filter { $0.status == 429 }
            #expect(!full.isEmpty && full.allSatisfy { $0.headers.lowercased().contains("retry-after: 1") })
            #expect(full.allSatisfy { $0.json["error"]?["code"]?.text == "rate_limit_exceeded" })
            #expect(answers.allSatisfy { [200, 429].contains($0.status) } && full.count < 6)
        }
    }

    /// After this text the built-in model writes the same word for ever: no answer to it ends by itself.
    private static let endless = String(repeating: "cat ", count: 200)

    private static func completion(tokens: Int, streams: Bool = false) -> String {
        #"{"prompt":"\#(endless)","max_tokens":\#(tokens),"temperature":0,"stream":\#(streams)}"#
    }

    /// The answer of somebody who has gone is written no further: it was being written, it would have gone on, and it
    /// stops.
    @Test(arguments: [true, false]) func whoeverLeavesEndsTheAnswer(streams: Bool) async throws {
        try await serving({ $0.context = 1_000_000 }) { visitor in
            let some = try await visitor.ask("POST", "/v1/completions", body: Self.completion(tokens: 300))
            let choice = some.json["choices"]?.array?.first
            #expect(choice?["finish_reason"]?.text == "length")
            let words = (choice?["text"]?.text ?? "").split(separator: " ")
            #expect(words.count > 100 && Set(words.suffix(100)) == ["cat"], "\(words.suffix(3))")

            func load() async throws -> (writing: Int, waiting: Int) {
                let models = try await visitor.ask("GET", "/health").json["models"]?.array ?? []
                try #require(!models.isEmpty)
                func sum(_ name: String) -> Int { models.reduce(0) { $0 + ($1[name]?.int ?? 0) } }
                return (sum("writing"), sum("waiting"))
            }
            func comes(_ isThere: ((writing: Int, waiting: Int)) -> Bool) async throws -> Bool {
                for _ in 0..<2000 {
                    if isThere(try await load()) { return true }
                    try await Task.sleep(for: .milliseconds(10))
                }
                return false
            }
            let guest = try visitor.stay(
                "/v1/completions", body: Self.completion(tokens: 900_000, streams: streams))
            #expect(try await comes { $0.writing == 1 })
            // Whoever stays is written for.
            for _ in 0..<20 {
                #expect(try await load().writing == 1)
                try await Task.sleep(for: .milliseconds(10))
            }
            guest.leave()
            #expect(try await comes { $0.writing == 0 && $0.waiting == 0 })
        }
    }

    @Test func aTokenIsAskedFor() async throws {
        try await serving({ $0.door.token = "secret" }) { visitor in
            #expect(try await visitor.ask("GET", "/health").status == 200)
            let refused = try await visitor.ask("GET", "/v1/models")
            #expect(refused.status == 401 && refused.json["error"]?["code"]?.text == "invalid_api_key")
            for wrong in ["Bearer secre", "Bearer secrets", "Bearer ", "secret"] {
                #expect(try await visitor.ask("GET", "/v1/models", headers: ["Authorization": wrong]).status == 401)
            }
            #expect(
                try await visitor.ask("GET", "/v1/models", headers: ["Authorization": "Bearer secret"]).status == 200)
        }
    }

    @Test func otherMachinesNeedAToken() {
        var door = ServingSettings().door
        #expect(door.isLoopback && door.fault == nil)
        for host in ["localhost", "127.0.0.1", "127.3.2.1", "::1", "LOCALHOST"] {
            door.host = host
            #expect(door.isLoopback)
        }
        for host in ["0.0.0.0", "192.168.1.4", "example.org", "127.evil.example", "127.0.0.1.evil", "::", "127.0.0"] {
            door.host = host
            door.token = nil
            #expect(!door.isLoopback && door.fault != nil)
            door.token = ""
            #expect(door.fault != nil)
            door.token = "secret"
            #expect(door.fault == nil)
        }
    }
}
