import Foundation
import InstructionTuning
import MurmurKit
import Storage
import TestSupport
import Testing

@Suite struct JudgePlanTests {
    static let questions = (1...4).map {
        JudgeQuestion(
            id: "\($0)",
            record: InstructionRecord(instruction: "Question \($0)?", response: "", category: $0 < 3 ? "a" : "b"))
    }

    static func contestant(_ name: String, _ ids: ClosedRange<Int> = 1...4) -> JudgeAnswers {
        JudgeAnswers(name: name, answers: Dictionary(uniqueKeysWithValues: ids.map { ("\($0)", "\(name) says \($0)") }))
    }

    static func plan(
        _ contestants: [JudgeAnswers], baseline: String? = nil, endpoint: String = "http://127.0.0.1/v1",
        _ change: (inout JudgeSettings) -> Void = { _ in }
    ) throws -> JudgePlan {
        var settings = JudgeSettings(model: "judge")
        change(&settings)
        return try JudgePlan(questions, contestants, baseline: baseline, settings: settings, endpoint: endpoint)
    }

    @Test func everyPairIsAskedInBothOrdersSeveralTimes() throws {
        let plan = try Self.plan(["base", "alone", "gossip"].map { Self.contestant($0) })
        #expect(plan.pairs.map { [$0.contestant, $0.beside] } == [[1, 0], [2, 0], [2, 1]])
        #expect(plan.requests.count == 3 * 4 * 3 * 2 && Set(plan.requests.map(\.key)).count == plan.requests.count)
        // Whole questions come one after the other.
        #expect(plan.requests.map(\.question) == plan.requests.map(\.question).sorted())
        let (one, other) = (plan.requests[0], plan.requests[1])
        #expect(one.isFirst && !other.isFirst && one.repetition == other.repetition)
        func text(_ request: JudgePlan.Request) -> String {
            plan.body(of: request)["messages"]?.array?.last?["content"]?.text ?? ""
        }
        func places(_ text: String) -> (String.Index?, String.Index?) {
            (text.range(of: "alone says 1")?.lowerBound, text.range(of: "base says 1")?.lowerBound)
        }
        #expect(try #require(places(text(one)).0) < #require(places(text(one)).1))
        #expect(try #require(places(text(other)).0) > #require(places(text(other)).1))
        let beside = try Self.plan(["base", "alone", "gossip"].map { Self.contestant($0) }, baseline: "gossip")
        #expect(beside.pairs.map { [$0.contestant, $0.beside] } == [[0, 2], [1, 2]])
    }

    @Test func aKeyFollowsFromAllThatMakesTheReply() throws {
        func key(
            _ change: (inout JudgeSettings) -> Void = { _ in }, endpoint: String = "http://127.0.0.1/v1"
        ) throws -> String {
            try Self.plan([Self.contestant("a"), Self.contestant("b")], endpoint: endpoint, change).requests[0].key
        }
        let keys = try [
            key(), key({ $0.model = "other" }), key({ $0.temperature = 0 }), key({ $0.temperature = 0.5 }),
            key({ $0.seed = 1 }), key({ $0.maximumTokens = 9 }), key({ $0.limitName = .maxCompletionTokens }),
            key(endpoint: "http://127.0.0.1:1/v1"), key({ $0.form = .json }), key({ $0.form = .jsonObject }),
        ]
        #expect(Set(keys).count == keys.count)
        // Names do not make replies, nor does the number of repeats.
        let renamed = try JudgePlan(
            Self.questions,
            [Self.contestant("a"), Self.contestant("b")].map { JudgeAnswers(name: $0.name + "2", answers: $0.answers) },
            settings: JudgeSettings(model: "judge"), endpoint: "http://127.0.0.1/v1")
        #expect(try renamed.requests[0].key == key() && key({ $0.repeats = 9 }) == key())
        #expect(try key().count == 64)
    }

    @Test func theBodyIsTheSettings() throws {
        let plain = try Self.plan([Self.contestant("a"), Self.contestant("b")])
        let body = plain.body(of: plain.requests[0])
        #expect(body["model"]?.text == "judge" && body["max_tokens"]?.int == 512)
        #expect(body["temperature"] == nil && body["seed"] == nil && body["response_format"] == nil)
        let plan = try Self.plan([Self.contestant("a"), Self.contestant("b")]) {
            $0.temperature = 0.25
            $0.seed = 7
            $0.limitName = .maxCompletionTokens
            $0.maximumTokens = 99
        }
        let other = plan.body(of: plan.requests[2])
        #expect(other["temperature"]?.double == 0.25 && other["max_completion_tokens"]?.int == 99)
        #expect(other["seed"]?.int == 8 && other["max_tokens"] == nil)
    }

    @Test(arguments: VerdictForm.allCases) func theBodyAsksForTheForm(form: VerdictForm) throws {
        let plan = try Self.plan([Self.contestant("a"), Self.contestant("b")]) { $0.form = form }
        let body = plan.body(of: plan.requests[0])
        #expect(body["response_format"] == form.responseFormat)
        let words = body["messages"]?.array?.compactMap { $0["content"]?.text }.joined() ?? ""
        #expect(words.contains("JSON") == (form != .line) && words.contains("Scores:") == (form == .line))
    }

    @Test func onlyWhatBothAnsweredIsAsked() throws {
        let plan = try Self.plan([Self.contestant("a", 1...3), Self.contestant("b", 3...4)])
        #expect(plan.requests.count == 6 && Set(plan.requests.map(\.question)) == [2] && plan.unanswered(by: 0) == 3)
        #expect(try Self.plan([Self.contestant("a", 1...2), Self.contestant("b", 1...2)]).unanswered(by: 0) == 0)
        #expect(throws: CommandFailure.self) {
            try Self.plan([Self.contestant("a", 1...2), Self.contestant("b", 3...4)])
        }
        #expect(throws: CommandFailure.self) { try Self.plan([Self.contestant("a")]) }
        #expect(throws: CommandFailure.self) { try Self.plan([Self.contestant("a"), Self.contestant("a")]) }
        #expect(throws: CommandFailure.self) {
            try Self.plan([Self.contestant("a"), Self.contestant("b")], baseline: "c")
        }
    }

    @Test func theEstimateCountsWhatIsLeft() throws {
        let plan = try Self.plan([Self.contestant("a"), Self.contestant("b")]) { $0.maximumTokens = 100 }
        let prices = JudgePrices(tokensIn: 2, tokensOut: 10)
        let all = JudgeEstimate(plan, known: [], prices: prices)
        #expect(all.requests == 24 && all.toAsk == 24 && all.tokensOut == 2400)
        // The prompt is some two hundred tokens long.
        #expect((24 * 200..<24 * 600).contains(all.tokensIn))
        #expect(try #require(all.cost) == (Double(all.tokensIn) * 2 + 24_000) / 1e6)
        #expect(all.line.contains("24 requests, 0 of them answered before, 24 to ask") && all.line.contains("0.0"))
        let half = JudgeEstimate(plan, known: Set(plan.requests.prefix(12).map(\.key)), prices: nil)
        #expect(half.toAsk == 12 && half.cost == nil && half.line.contains("12 of them answered before"))
        let none = JudgeEstimate(plan, known: Set(plan.requests.map(\.key)), prices: prices)
        #expect(none.toAsk == 0 && none.cost == 0 && none.line == "24 requests, 24 of them answered before, 0 to ask")
    }

    /// An endpoint may count the schema too: the estimate is not below what is sent, at four bytes a token.
    @Test(arguments: [VerdictForm.json, .jsonObject]) func theEstimateCountsTheSchema(form: VerdictForm) throws {
        let plan = try Self.plan([Self.contestant("a"), Self.contestant("b")]) { $0.form = form }
        let sent = plan.requests.reduce(0) { sum, request in
            let body = plan.body(of: request)
            let texts = body["messages"]?.array?.compactMap { $0["content"]?.bytes?.count } ?? []
            return sum + texts.reduce(0, +) + (body["response_format"]?.encoded().count ?? 0)
        }
        let estimate = JudgeEstimate(plan, known: [], prices: nil)
        #expect(estimate.tokensIn >= sent / 4 && estimate.tokensIn < sent / 4 + 24 * 12)
        #expect(estimate.tokensOut == 24 * 512)
    }

    /// Two contestants with the same answers need no request twice.
    @Test func equalRequestsAreOne() throws {
        let twin = JudgeAnswers(name: "twin", answers: Self.contestant("a").answers)
        let plan = try Self.plan([Self.contestant("b"), Self.contestant("a"), twin], baseline: "b")
        #expect(plan.requests.count == 48 && JudgeEstimate(plan, known: [], prices: nil).toAsk == 24)
    }
}

@Suite struct JudgeCacheTests {
    private let reply = JudgeReply(
        content: "It is \"right\".\nScores: 7 4", finish: "stop", model: "judge-1", tokensIn: 5, tokensOut: nil)

    @Test func repliesAreThereAgain() throws {
        let folder = try TemporaryFolder()
        let cache = try JudgeCache(folder: folder.url.path)
        #expect(cache.keys.isEmpty && cache.reply(to: "a") == nil)
        try cache.keep(reply, to: .text("request"), key: "a", tries: 2)
        #expect(cache.reply(to: "a") == reply)
        let again = try JudgeCache(folder: folder.url.path)
        #expect(again.keys == ["a"] && again.reply(to: "a") == reply && again.unreadable == 0)
        // Of two with one key the first counts, in memory and on the disk.
        var other = reply
        other.content = "Scores: 1 1"
        try again.keep(other, to: .null, key: "a", tries: 1)
        #expect(again.reply(to: "a") == reply)
        #expect(try JudgeCache(folder: folder.url.path).reply(to: "a") == reply)
        #expect(try JudgeCache.keys(inFolder: folder.url.path) == ["a"])
        #expect(try JudgeCache.keys(inFolder: folder.path("none")).isEmpty)
        #expect(!FileManager.default.fileExists(atPath: folder.path("none")))
    }

    @Test func aTornLineSpoilsNothing() throws {
        let folder = try TemporaryFolder()
        for key in ["a", "b"] { try JudgeCache(folder: folder.url.path).keep(reply, to: .null, key: key, tries: 1) }
        let whole = try Data(contentsOf: URL(fileURLWithPath: folder.path(JudgeCache.fileName)))
        for cut in 1..<whole.count {
            try whole.prefix(cut).write(to: URL(fileURLWithPath: folder.path(JudgeCache.fileName)))
            let cache = try JudgeCache(folder: folder.url.path)
            let ends = whole.prefix(cut).count { $0 == 0x0a }
            #expect(cache.unreadable == 0 && cache.keys.count >= ends && cache.keys.isSubset(of: ["a", "b"]))
            guard cut % 7 == 0 else { continue }
            try cache.keep(reply, to: .null, key: "c", tries: 1)
            #expect(try JudgeCache(folder: folder.url.path).reply(to: "c") == reply)
        }
    }

    @Test func linesThatAreNoneAreCounted() throws {
        let folder = try TemporaryFolder()
        try folder.write(
            "nonsense\n{\"key\":\"a\"}\n{\"key\":\"b\",\"reply\":\"Scores: 1 2\"}\n", to: JudgeCache.fileName)
        let cache = try JudgeCache(folder: folder.url.path)
        #expect(cache.unreadable == 2 && cache.keys == ["b"])
        #expect(cache.reply(to: "b") == JudgeReply(content: "Scores: 1 2", finish: "", model: ""))
    }

    @Test func aDiskThatTakesNothingIsSaid() throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createDirectory(
            atPath: folder.path(JudgeCache.fileName), withIntermediateDirectories: true)
        #expect(throws: (any Error).self) { try JudgeCache(folder: folder.url.path) }
    }
}
