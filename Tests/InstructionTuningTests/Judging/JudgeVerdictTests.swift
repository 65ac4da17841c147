import Basics
import InstructionTuning
import Storage
import TestSupport
import Testing

@Suite struct JudgeVerdictTests {
    @Test(
        arguments: [
            ("Scores: 7 4", 7, 4), ("The first is right.\nScores: 10 1\n", 10, 1), ("scores:1,10", 1, 10),
            ("**Scores: 7.5, 8**", 7.5, 8), ("Fine.\r\n  SCORES:  9   9.25 \r\n", 9, 9.25), ("> `Scores: 2 3`", 2, 3),
            ("Scores: 3 4\nThat is all.", 3, 4), ("# Scores: 5 6", 5, 6),
        ] as [(String, Double, Double)])
    func aLineOfScoresIsRead(reply: String, first: Double, second: Double) throws {
        #expect(try JudgeVerdict(reply: reply) == JudgeVerdict(first: first, second: second))
    }

    @Test(
        arguments: [
            ("", .empty), (" \n\t\r\n", .empty), ("Answer 1 is better.", .none), ("7 4", .none),
            ("My Scores: 7 4", .none), ("Scores 7 4", .none), ("{\"scores\": [7, 4]}", .none),
            ("Scores: 7 4\nScores: 7 4", .several), ("Scores: 7 4\nscores: 1 9", .several),
            ("Scores: X Y", .form), ("Scores: 7", .form), ("Scores: 7 4 5", .form), ("Scores: 7/10 4/10", .form),
            ("Scores: 7 and 4", .form), ("Scores:", .form), ("Scores: +7 4", .form), ("Scores: 7e0 4", .form),
            ("Scores: 7. 4", .form), ("Scores: .5 4", .form), ("Scores: 7.555 4", .form), ("Scores: nan inf", .form),
            ("Scores: 7,,4", .form), ("Scores: 0x7 4", .form), ("Scores: ٧ ٤", .form),
            ("Scores: 1000000000000000000000 4", .form), ("Scores: 0 4", .range), ("Scores: 7 11", .range),
            ("Scores: 0.99 4", .range), ("Scores: 10.01 4", .range), ("Scores: -7 4", .form),
        ] as [(String, JudgeVerdict.Fault)])
    func whatIsNoVerdictIsNamed(reply: String, fault: JudgeVerdict.Fault) {
        #expect(throws: fault) { try JudgeVerdict(reply: reply) }
    }

    @Test func hostileRepliesNeverTrap() {
        var random = SeededGenerator(seed: 7)
        let seeds = [
            "Because it is right.\nScores: 7 4.5", "**Scores: 1, 10**", "Scores:\u{0}7 4",
            String(repeating: "Scores: ", count: 99),
        ]
        var read = 0
        for round in 0..<4000 {
            let bytes = Mutation.apply(to: Array(seeds[round % seeds.count].utf8), using: &random)
            guard let verdict = try? JudgeVerdict(reply: String(decoding: bytes, as: UTF8.self)) else { continue }
            read += 1
            #expect((1...10).contains(verdict.first) && (1...10).contains(verdict.second))
        }
        #expect(read > 100)
        let huge = String(repeating: "a\n", count: 1 << 20) + "Scores: 7 4"
        #expect(throws: JudgeVerdict.Fault.none) { try JudgeVerdict(reply: huge) }
    }

    @Test func aReplyIsReadOfAResponse() throws {
        let body = #"""
            {"id":"a","object":"chat.completion","model":"judge-1","choices":[{"index":0,"finish_reason":"stop",
            "message":{"role":"assistant","content":"Scores: 7 4"}}],
            "usage":{"prompt_tokens":120,"completion_tokens":9,"total_tokens":129}}
            """#
        let reply = try #require(JudgeReply(body: Array(body.utf8)))
        #expect(
            reply
                == JudgeReply(content: "Scores: 7 4", finish: "stop", model: "judge-1", tokensIn: 120, tokensOut: 9))
        // A judge that only thought, or declined, wrote nothing.
        #expect(JudgeReply(body: Array(#"{"choices":[{"message":{"content":null}}]}"#.utf8))?.content == "")
        let odd = #"{"choices":[{"message":{}}],"usage":{"prompt_tokens":-5,"completion_tokens":1e30},"model":7}"#
        #expect(JudgeReply(body: Array(odd.utf8)) == JudgeReply(content: "", finish: "", model: ""))
        for garbage in [
            "", "<html>", "[]", "{}", #"{"choices":[]}"#, #"{"choices":{}}"#, #"{"choices":[{"text":"a"}]}"#,
            #"{"choices":[1]}"#,
            #"{"choices":[{"message":"Scores: 7 4"}]}"#, String(repeating: "[", count: 100_000),
            String(repeating: "{\"choices\":", count: 10_000),
        ] { #expect(JudgeReply(body: Array(garbage.utf8)) == nil) }
        #expect(JudgeReply(body: [0xff, 0xfe, 0x00]) == nil)
    }

    @Test func aComplaintIsOneShortLine() {
        func complaint(_ body: String) -> String { JudgeReply.complaint(in: Array(body.utf8)) }
        #expect(complaint(#"{"error":{"message":"no\nsuch model"}}"#) == "no such model")
        #expect(complaint(#"{"error":"busy"}"#) == "busy" && complaint(#"{"detail":"none"}"#) == "none")
        #expect(complaint(#"{"detail":[{"loc":["body","n"]}]}"#) == #"[{"loc":["body","n"]}]"#)
        #expect(complaint("<html>") == "" && complaint("[]") == "")
        let long = String(repeating: "a\\u0007", count: 5000)
        #expect(complaint("{\"error\":{\"message\":\"\(long)\"}}").count == 300)
    }
}
