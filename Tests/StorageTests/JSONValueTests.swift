import Basics
import Storage
import TestSupport
import Testing

@Suite("JSON") struct JSONValueTests {
    private func parse(_ text: String, depthLimit: Int = 64) throws(JSONError) -> JSONValue {
        try JSONValue.parse(Array(text.utf8), depthLimit: depthLimit)
    }

    @Test("Values of every kind are read")
    func kinds() throws {
        let value = try parse(#" {"a":[1,-2.5,1e3,true,false,null],"b":{"c":"x\n\u00e9\ud83d\ude00\/"}} "#)
        #expect(
            value["a"]?.array
                == [.integer(1), .number(-2.5), .number(1000), .bool(true), .bool(false), .null])
        #expect(value["b"]?["c"]?.text == "x\né😀/")
        #expect(value["a"]?.array?[2].int == 1000)
        #expect(value["none"] == nil)
    }

    @Test("Keys that are canonically equivalent but differ in bytes are two keys")
    func canonicalEquivalence() throws {
        let value = try parse("{\"\u{e9}\":1,\"e\u{301}\":2}")
        #expect(value.object?.count == 2)
        #expect(value["\u{e9}"] == .integer(1))
        #expect(value["e\u{301}"] == .integer(2))
    }

    @Test(
        "What is not JSON is refused",
        arguments: [
            "", " ", "{", "[1,]", "[1 2]", "{\"a\"}", "{\"a\":1,}", "{a:1}", "01", "1.", "-", "1e", "+1", "tru", "nul",
            "\"",
            "\"\\x\"", "\"\\u12\"", "\"\\ud800\"", "\"\\ud800\\u0041\"", "\"\\udc00\"", "\"\u{1}\"", "1 2", "1e999",
            "NaN",
            "'a'", "[1]]", "\u{feff}1",
        ])
    func refused(text: String) {
        #expect(throws: JSONError.self) { _ = try parse(text) }
    }

    @Test("A repeated key, deep nesting and bytes that are no text are named as such")
    func namedErrors() {
        #expect(throws: JSONError.duplicateKey("a", offset: 7)) { _ = try parse("{\"a\":1,\"\\u0061\":2}") }
        let many = (0..<20).map { "\"k\($0)\":0" }.joined(separator: ",")
        #expect(throws: JSONError.self) { _ = try parse("{\(many),\"k3\":1}") }
        let deep = String(repeating: "[", count: 100_000)
        #expect(throws: JSONError.tooDeep(limit: 64, offset: 64)) { _ = try parse(deep) }
        #expect(throws: JSONError.notUnicode) { _ = try JSONValue.parse([0x22, 0xff, 0x22]) }
    }

    @Test("What is written reads back the same", arguments: [false, true])
    func roundTrip(indented: Bool) throws {
        let text =
            #"{"e":{},"l":[],"s":"q\"\\\n\t\r\u0001é😀","n":[0,-1,9223372036854775807,0.1,1e-05,-2.5e+300],"t":[true,null]}"#
        let value = try parse(text)
        #expect(try JSONValue.parse(value.encoded(indented: indented)) == value)
    }

    @Test("Numbers that JSON does not have are named", arguments: ["NaN", "Infinity", "-Infinity", "-NaN"])
    func notFiniteRead(word: String) {
        let error = #expect(throws: JSONError.self) { _ = try parse(#"{"a":[1,\#(word)]}"#) }
        let name = word.filter { $0 != "-" }
        #expect(error?.description.contains("\(name) at byte") == true, "\(error?.description ?? "")")
    }

    @Test("Numbers that JSON does not have become null", arguments: [Double.nan, .infinity, -.infinity])
    func notFinite(number: Double) throws {
        let value = JSONValue.object(JSONObject([("norm", .number(number)), ("list", .array([.number(number)]))]))
        #expect(String(decoding: value.encoded(), as: UTF8.self) == #"{"norm":null,"list":[null]}"#)
        #expect(try JSONValue.parse(value.encoded(indented: true))["norm"] == .null)
    }

    @Test("Changed documents never trap, and what is read can be written")
    func mutations() throws {
        let seeds = [
            #"{"a":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]},"b\u00e9\n":[1.5e-3,-0,null,true]}"#,
            #"[[[{"x":[{"y":"\ud83d\ude00"}]}]],"plain",12345678901234567890]"#,
        ].map { Array($0.utf8) }
        var generator = SeededGenerator(seed: 3)
        var read = 0
        for round in 0..<20_000 {
            let bytes = Mutation.apply(to: seeds[round % seeds.count], using: &generator)
            guard let value = try? JSONValue.parse(bytes, depthLimit: 16) else { continue }
            read += 1
            #expect(try JSONValue.parse(value.encoded()) == value)
        }
        #expect(read > 100)
    }
}
