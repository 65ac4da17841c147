import Foundation
import InstructionTuning
import LinearAlgebra
import MurmurKit
import Serving
import Storage
import Synchronization
import TestSupport
import Testing

/// Judging over real HTTP: by a judge that answers as it is told, and by our own endpoint.
@Suite(.timeLimit(.minutes(5))) struct JudgeTests {
    private static let questions = (1...6).map {
        JudgeQuestion(
            id: "\($0)",
            record: InstructionRecord(
                instruction: "Question \($0)?", response: "", category: $0 % 2 == 0 ? "even" : "odd"))
    }

    private static func contestants() -> [JudgeAnswers] {
        ["bad", "good"].map { name in
            JudgeAnswers(
                name: name,
                answers: Dictionary(
                    uniqueKeysWithValues: questions.map {
                        ($0.id, "a \(name) answer" + (name == "good" ? " at length" : ""))
                    }))
        }
    }

    static func run(
        _ address: String, folder: String, key: String? = nil, attempts: Int = 6, concurrency: Int = 3,
        repeats: Int = 2, form: VerdictForm = .line,
        limits: JudgeClient.Limits = JudgeClient.Limits(), pauses: PauseBook = PauseBook(), model: String = "scripted"
    ) throws -> JudgeRun {
        var settings = JudgeSettings(model: model)
        settings.form = form
        settings.repeats = repeats
        settings.maximumTokens = 24
        let plan = try JudgePlan(questions, contestants(), settings: settings, endpoint: address)
        var policy = RetryPolicy()
        policy.attempts = attempts
        return JudgeRun(
            plan, cache: try JudgeCache(folder: folder),
            client: JudgeClient(
                try JudgeEndpoint(address, key: key), policy: policy, limits: limits, seed: 1,
                pause: { pauses.note($0) }),
            concurrency: concurrency)
    }

    /// Scores by what the judge is shown, good answers 8 and bad ones 4, and one point more for the first.
    private static func fair(_ asked: ScriptedJudge.Asked) -> ScriptedJudge.Answer {
        let text = asked.body["messages"]?.array?.last?["content"]?.text ?? ""
        guard let good = text.range(of: "a good answer"), let bad = text.range(of: "a bad answer") else {
            return .status(400)
        }
        return .reply(good.lowerBound < bad.lowerBound ? "One is.\nScores: 9 4" : "Two is.\nScores: 5 8")
    }

    @Test func verdictsBecomeTheTable() async throws {
        let folder = try TemporaryFolder()
        let judge = ScriptedJudge { _, asked in Self.fair(asked) }
        try await judge.serve { port in
            let run = try Self.run("http://127.0.0.1:\(port)/v1", folder: folder.url.path, key: "sk-test")
            #expect(run.estimate.toAsk == 24)
            let result = try await run.run()
            #expect(result.status == .success && result.verdicts == 24 && result.malformed == 0 && result.missing == 0)
            let figures = try #require(result.tallies.first).figures
            #expect(figures.count == 6 && figures.sum == 51 && figures.sumBeside == 27 && figures.won == 6)
            #expect(figures.firstAdvantage == 1 && figures.orderDecided == 0 && figures.longerWon == 6)
            #expect(result.models == ["scripted-1"] && result.tokensIn == 2400 && result.tokensOut == 240)
            #expect(result.json["pairs"]?.array?.first?["relative"]?.double == 51.0 / 27)
            #expect(result.json["pairs"]?.array?.first?["categories"]?["odd"]?["questions"]?.int == 3)
            for text in [result.text, result.markdown] {
                #expect(text.contains("good") && text.contains("51.0, 27.0") && text.contains("scripted"))
                #expect(!text.contains("sk-test"))
            }
            // A second run asks nothing.
            let again = try Self.run("http://127.0.0.1:\(port)/v1", folder: folder.url.path)
            #expect(again.estimate.toAsk == 0)
            #expect(try await again.run().json == result.json)
        }
        #expect(judge.requests.count == 24)
        #expect(judge.requests.allSatisfy { $0.path == "/v1/chat/completions" && $0.authorization == "Bearer sk-test" })
        let kept = try String(contentsOfFile: folder.path(JudgeCache.fileName), encoding: .utf8)
        #expect(!kept.contains("sk-test") && kept.split(separator: "\n").count == 24)
    }

    @Test func whatFailsForAWhileIsAskedAgain() async throws {
        let folder = try TemporaryFolder()
        let pauses = PauseBook()
        let judge = ScriptedJudge { number, asked in
            switch number {
            case 0: .status(429, retryAfter: "7", body: #"{"error":{"message":"slow down"}}"#)
            case 1: .status(500)
            case 2: .garbage(Array("<html>busy</html>".utf8))
            case 3: .garbage([0xff, 0x00, 0xfe])
            case 4: .status(503, retryAfter: "Sun, 06 Nov 1994 08:49:37 GMT")
            default: Self.fair(asked)
            }
        }
        try await judge.serve { port in
            let run = try Self.run(
                "http://127.0.0.1:\(port)/v1", folder: folder.url.path, concurrency: 1, pauses: pauses)
            let result = try await run.run()
            #expect(result.status == .success && result.verdicts == 24)
        }
        #expect(judge.requests.count == 29)
        #expect(judge.requests.allSatisfy { $0.authorization == nil })
        let taken = pauses.all
        #expect(taken.count == 5 && taken[0] == .seconds(7))
        // The pauses after that double: from half of 2 s to 16 s.
        for (place, pause) in taken.enumerated().dropFirst() {
            #expect(pause >= .seconds(1 << place) / 2 && pause < .seconds(1 << place), "\(place): \(pause)")
        }
    }

    @Test func malformedVerdictsAreCountedAndNeverScored() async throws {
        let folder = try TemporaryFolder()
        let judge = ScriptedJudge { number, asked in
            switch number % 6 {
            case 0: .reply("Both are fine.")
            case 1: .reply("")
            case 2: .reply("Scores: 99 1")
            case 3: .reply("Scores: 1 2\nScores: 3 4")
            default: Self.fair(asked)
            }
        }
        try await judge.serve { port in
            let result = try await Self.run(
                "http://127.0.0.1:\(port)/v1", folder: folder.url.path, concurrency: 1
            ).run()
            #expect(result.status == .short && result.verdicts == 8 && result.malformed == 16)
            #expect(result.tallies[0].malformed.map(\.count) == [4, 4, 4, 4])
            #expect(result.text.contains("16 malformed (66.7 %)"))
            // What counts are true verdicts alone: 8.5 and 4.5 where both orders have one.
            let figures = result.tallies[0].figures
            #expect(figures.count > 0 && figures.mean == 8.5 && figures.meanBeside == 4.5)
            #expect(figures.count + result.tallies[0].incomplete == 6)
        }
        #expect(judge.requests.count == 24)
    }

    @Test func tooLargeResponsesEndAtTheirBound() async throws {
        let folder = try TemporaryFolder()
        var limits = JudgeClient.Limits()
        limits.size = 1 << 20
        let judge = ScriptedJudge { number, asked in
            switch number {
            case 0: .endless
            case 1: .reply(String(repeating: "a", count: 2 << 20) + "\nScores: 1 1")
            default: Self.fair(asked)
            }
        }
        try await judge.serve { port in
            let run = try Self.run(
                "http://127.0.0.1:\(port)/v1", folder: folder.url.path, attempts: 2, concurrency: 1, limits: limits)
            let result = try await run.run()
            #expect(result.status == .partial && result.missing == 2 && result.verdicts == 22)
            #expect(
                result.failures.map(\.count) == [2] && result.failures[0].reason.contains("more than 1048576 bytes"),
                "\(result.failures)")
            #expect(!result.hasGivenUp)
        }
        // Another address is another judge.
        let second = ScriptedJudge { _, asked in Self.fair(asked) }
        try await second.serve { port in
            let plan = try Self.run("http://127.0.0.1:\(port)/v1", folder: folder.url.path)
            #expect(plan.estimate.toAsk == 24)
        }
    }

    /// None of the responses ever ends, so that none can be in time, however slow the machine is.
    @Test(arguments: [ScriptedJudge.Answer.trickle, .silence])
    func responsesThatNeverEndAreLate(answer: ScriptedJudge.Answer) async throws {
        let folder = try TemporaryFolder()
        var limits = JudgeClient.Limits()
        limits.time = .milliseconds(500)
        let judge = ScriptedJudge { _, _ in answer }
        try await judge.serve { port in
            let run = try Self.run(
                "http://127.0.0.1:\(port)/v1", folder: folder.url.path, attempts: 1, concurrency: 1, limits: limits)
            let failure = await #expect(throws: CommandFailure.self) { try await run.run() }
            #expect(failure?.description.contains("no response within 1 s") == true, "\(failure as Any)")
        }
    }

    @Test func aRunThatWasStoppedGoesOn() async throws {
        let folder = try TemporaryFolder()
        let judge = ScriptedJudge { number, asked in number == 9 ? .silence : Self.fair(asked) }
        try await judge.serve { port in
            let address = "http://127.0.0.1:\(port)/v1"
            let run = try Self.run(address, folder: folder.url.path, concurrency: 1)
            let (stops, signal) = AsyncStream.makeStream(of: Int32.self)
            let work = Task { try await run.runUntilStopped(by: stops) }
            while judge.requests.count < 10 { try await Task.sleep(for: .milliseconds(5)) }
            signal.yield(SIGINT)
            await #expect(throws: ExitStatus.stopped) { try await work.value }
            let rest = try Self.run(address, folder: folder.url.path)
            #expect(rest.estimate.toAsk == 15)
            let result = try await rest.run()
            #expect(result.status == .success && result.verdicts == 24)
        }
        #expect(judge.requests.count == 25)
    }

    @Test(arguments: [401, 403, 404]) func whatIsRefusedForAllEndsAtOnce(status: Int) async throws {
        let folder = try TemporaryFolder()
        let judge = ScriptedJudge { _, _ in
            .status(status, body: #"{"error":{"message":"no such key sk-…"}}"#)
        }
        try await judge.serve { port in
            let run = try Self.run(
                "http://127.0.0.1:\(port)/v1", folder: folder.url.path, key: "sk-test", concurrency: 1)
            let failure = await #expect(throws: CommandFailure.self) { try await run.run() }
            #expect(failure?.description.contains("status \(status): no such key") == true)
        }
        #expect(judge.requests.count == 1)
    }

    @Test func aRequestThatIsRefusedAloneIsCounted() async throws {
        let folder = try TemporaryFolder()
        let judge = ScriptedJudge { number, asked in
            number == 3 ? .status(400, body: #"{"error":{"message":"too long"}}"#) : Self.fair(asked)
        }
        try await judge.serve { port in
            let result = try await Self.run("http://127.0.0.1:\(port)/v1", folder: folder.url.path).run()
            #expect(
                result.status == .partial && result.missing == 1
                    && result.failures.first?.reason == "status 400: too long")
            #expect(result.json["exit_code"]?.int == 3 && result.json["missing"]?.int == 1)
        }
        #expect(judge.requests.count == 24)
    }

    @Test func redirectsAreNotFollowed() async throws {
        let folder = try TemporaryFolder()
        let thief = ScriptedJudge { _, asked in Self.fair(asked) }
        try await thief.serve { elsewhere in
            let judge = ScriptedJudge { _, _ in
                .status(307, location: "http://127.0.0.1:\(elsewhere)/v1/chat/completions")
            }
            try await judge.serve { port in
                let run = try Self.run(
                    "http://127.0.0.1:\(port)/v1", folder: folder.url.path, key: "sk-test", concurrency: 1)
                let failure = await #expect(throws: CommandFailure.self) { try await run.run() }
                #expect(failure?.description.contains("status 307") == true, "\(String(describing: failure))")
            }
            #expect(judge.requests.count == 5)
        }
        #expect(thief.requests.isEmpty)
    }

    @Test func anEndpointThatIsNotThereIsSaidAfterAFewTries() async throws {
        let folder = try TemporaryFolder()
        let pauses = PauseBook()
        let run = try Self.run(
            "http://127.0.0.1:1/v1", folder: folder.url.path, attempts: 3, concurrency: 1, pauses: pauses)
        let failure = await #expect(throws: CommandFailure.self) { try await run.run() }
        #expect(failure?.description.contains("no reply from http://127.0.0.1:1/v1: no response") == true)
        #expect(failure?.description.contains("(after 3 tries)") == true)
        // Five requests, three tries each; then nothing more is asked.
        #expect(pauses.all.count == 10)
    }

    @Test func anEndpointThatGoesAwayEndsTheAsking() async throws {
        let folder = try TemporaryFolder()
        let judge = ScriptedJudge { number, asked in number < 8 ? Self.fair(asked) : .status(502) }
        try await judge.serve { port in
            let result = try await Self.run(
                "http://127.0.0.1:\(port)/v1", folder: folder.url.path, attempts: 2, concurrency: 1
            ).run()
            #expect(result.status == .partial && result.hasGivenUp && result.verdicts == 8 && result.missing == 16)
            #expect(result.text.contains("Asking ended early"))
        }
        #expect(judge.requests.count == 8 + 5 * 2)
    }

    /// Our own endpoint as the judge. The built-in model is far too small to keep to the form: its verdicts are malformed,
    /// and that is what is tried here.
    @Test func ourOwnEndpointJudges() async throws {
        var settings = ServingSettings()
        settings.door.port = 0
        settings.rows = 4
        settings.context = 4096
        let model = try AdaptedModel(base: "builtin:fledgling", adapter: nil)
        let served = try ServedModel(
            name: "fledgling", model, template: "terse", settings: settings, lane: .shared(for: 0), threads: 1)
        let server = ChatServer(models: [served], settings: settings)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let work = Task { try await server.run { continuation.yield($0) } }
        defer { work.cancel() }
        let port = try #require(await ports.first { _ in true })
        let folder = try TemporaryFolder()
        let address = "http://127.0.0.1:\(port)/v1"
        let run = try Self.run(address, folder: folder.url.path, repeats: 1, model: "fledgling")
        let result = try await run.run()
        #expect(result.missing == 0 && result.malformed + result.verdicts == 12 && result.malformed > 6)
        #expect(result.status == .short && result.models == ["fledgling"] && result.tokensOut <= 12 * 24)
        #expect(result.tokensIn > 12 * 100)
        // It has no structured outputs, says so, and the judging ends before anything else is asked.
        let structured = try Self.run(address, folder: folder.url.path, form: .json, model: "fledgling")
        let refusal = await #expect(throws: CommandFailure.self) { try await structured.run() }
        #expect(refusal?.description.contains("status 400: response_format") == true, "\(refusal as Any)")
        #expect(refusal?.description.contains("--verdicts line") == true)
        let unknown = try Self.run(address, folder: folder.url.path, repeats: 1, model: "gpt")
        let failure = await #expect(throws: CommandFailure.self) { try await unknown.run() }
        #expect(failure?.description.contains("there is no model") == true)
    }
}

/// Notes pauses and takes none.
final class PauseBook: Sendable {
    private let pauses = Mutex<[Duration]>([])

    var all: [Duration] { pauses.withLock { $0 } }

    func note(_ pause: Duration) { pauses.withLock { $0.append(pause) } }
}
