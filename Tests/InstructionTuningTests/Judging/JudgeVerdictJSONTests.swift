import Basics
import InstructionTuning
import TestSupport
import Testing

@Suite struct JudgeVerdictJSONTests {
    @Test(
        arguments: [
            (#"{"reason":"It is right.","first":7,"second":4}"#, 7, 4),
            ("\r\n\t {\n  \"reason\": \"\", \"first\": 1,\n \"second\" : 10 }\n\n", 1, 10),
            (#"{"second":3,"first":2,"reason":"{\"first\":9}"}"#, 2, 3),
            (#"{"reason":"\u00e9 ✓ \n","first":7.5,"second":9.25}"#, 7.5, 9.25),
            (#"{"reason":"a","first":10.0,"second":7.29}"#, 10, 7.29),
            (#"{"reason":"a","first":1e1,"second":1}"#, 10, 1),
        ] as [(String, Double, Double)])
    func anObjectIsRead(reply: String, first: Double, second: Double) throws {
        for form in [VerdictForm.json, .jsonObject] {
            #expect(try JudgeVerdict(reply: reply, form: form) == JudgeVerdict(first: first, second: second))
        }
    }

    @Test(
        arguments: [
            ("", .empty), (" \n\t\r\n", .empty), ("Answer 1 is better.", .object), ("Scores: 7 4", .object),
            ("null", .object), ("7", .object), ("[7, 4]", .object), (#""{}""#, .object),
            (#"{"reason":"a","first":7,"second":4"#, .object), (#"{"reason":"a","first":7,"second":4,}"#, .object),
            (#"{'reason':'a','first':7,'second':4}"#, .object), (#"{"reason":"a","first":07,"second":4}"#, .object),
            (#"{"reason":"a","first":+7,"second":4}"#, .object), (#"{"reason":"a","first":NaN,"second":4}"#, .object),
            (#"Here: {"reason":"a","first":7,"second":4}"#, .object),
            (#"{"reason":"a","first":7,"second":4} Done."#, .object),
            ("```json\n{\"reason\":\"a\",\"first\":7,\"second\":4}\n```", .object),
            (#"{"reason":"a","first":7,"second":4}{"reason":"a","first":7,"second":4}"#, .object),
            ("{\"reason\":\"a\u{0}\",\"first\":7,\"second\":4}", .object),
            ("{}", .members), (#"{"first":7,"second":4}"#, .members), (#"{"reason":"a","first":7}"#, .members),
            (#"{"reason":"a","first":7,"second":4,"third":1}"#, .members),
            (#"{"reason":"a","First":7,"second":4}"#, .members), (#"{"reason":7,"first":7,"second":4}"#, .members),
            (#"{"reason":null,"first":7,"second":4}"#, .members), (#"{"reason":"a","first":"7","second":4}"#, .members),
            (#"{"reason":"a","first":true,"second":4}"#, .members),
            (#"{"reason":"a","first":null,"second":4}"#, .members),
            (#"{"reason":"a","first":[7],"second":4}"#, .members),
            (#"{"reason":"a","first":{"score":7},"second":4}"#, .members),
            (#"{"reason":"a","first":7,"first":7,"second":4}"#, .members),
            (#"{"reason":"a","first":7,"second":4,"second":9}"#, .members),
            (#"{"reason":"a","first":7.555,"second":4}"#, .members),
            (#"{"reason":"a","first":0,"second":4}"#, .range), (#"{"reason":"a","first":7,"second":11}"#, .range),
            (#"{"reason":"a","first":-7,"second":4}"#, .range), (#"{"reason":"a","first":0.99,"second":4}"#, .range),
            (#"{"reason":"a","first":10.01,"second":4}"#, .range),
            (#"{"reason":"a","first":1e300,"second":4}"#, .range),
            (#"{"reason":"a","first":1e999,"second":4}"#, .range),
            (#"{"reason":"a","first":99999999999999999999999999,"second":4}"#, .range),
        ] as [(String, JudgeVerdict.Fault)])
    func whatIsNoVerdictIsNamed(reply: String, fault: JudgeVerdict.Fault) {
        for form in [VerdictForm.json, .jsonObject] {
            #expect(throws: fault) { try JudgeVerdict(reply: reply, form: form) }
        }
    }

    /// The two forms are never taken for one another.
    @Test func aLineIsNoObject() throws {
        let object = #"{"reason":"Scores: 7 4","first":1,"second":2}"#
        #expect(try JudgeVerdict(reply: object, form: .json) == JudgeVerdict(first: 1, second: 2))
        #expect(throws: JudgeVerdict.Fault.none) { try JudgeVerdict(reply: object, form: .line) }
        #expect(try JudgeVerdict(reply: "Scores: 7 4", form: .line) == JudgeVerdict(first: 7, second: 4))
    }

    @Test func hostileRepliesNeverTrap() {
        let deep = String(repeating: #"{"first":"#, count: 100_000)
        let long = #"{"reason":"\#(String(repeating: "a", count: 1 << 20))","first":7,"second":4}"#
        #expect(throws: JudgeVerdict.Fault.members) { try JudgeVerdict(reply: deep, form: .json) }
        for reply in [String(repeating: "[", count: 100_000), String(repeating: "9", count: 100_000), long] {
            #expect(throws: JudgeVerdict.Fault.object) { try JudgeVerdict(reply: reply, form: .json) }
        }
        var random = SeededGenerator(seed: 7)
        let seeds = [
            #"{"reason":"It is right.","first":7,"second":4.5}"#, #" {"first":1,"second":10,"reason":"\ud83d\ude00"} "#,
        ]
        var read = 0
        for round in 0..<4000 {
            let bytes = Mutation.apply(to: Array(seeds[round % seeds.count].utf8), using: &random)
            let reply = String(decoding: bytes, as: UTF8.self)
            guard let verdict = try? JudgeVerdict(reply: reply, form: .json) else { continue }
            read += 1
            #expect((1...10).contains(verdict.first) && (1...10).contains(verdict.second))
        }
        #expect(read > 100)
    }
}
