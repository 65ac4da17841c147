import InstructionTuning
import Storage
import TestSupport
import Testing

@Suite("Instruction data sets") struct InstructionDatasetTests {
    private func read(
        _ text: String, onBadRecord policy: BadRecordPolicy = .refuse
    ) throws(DatasetError) -> InstructionDataset {
        try InstructionDataset.parse(Array(text.utf8), path: "x.json", onBadRecord: policy)
    }

    @Test("Dolly's and Alpaca's names mean the same")
    func names() throws {
        let dolly = try read(#"{"instruction":"i","context":"c","response":"r","category":"k","id":7}"#)
        #expect(
            dolly.records == [InstructionRecord(instruction: "i", context: "c", response: "r", category: "k")])
        #expect(dolly.report.layout == .lines)
        #expect(dolly.report.fields == ["instruction": 1, "context": 1, "response": 1, "category": 1])
        #expect(dolly.report.unknownFields == ["id": 1])
        #expect(dolly.report.categories == ["k": 1])
        let alpaca = try read(#"[{"instruction":"i","input":"c","output":"r"},{"instruction":"j","output":""}]"#)
        #expect(
            alpaca.records == [
                InstructionRecord(instruction: "i", context: "c", response: "r"),
                InstructionRecord(instruction: "j", response: ""),
            ])
        #expect(alpaca.report.layout == .array)
        #expect(alpaca.report.emptyResponses == 1)
        #expect(try read(#"{"instruction":"i","input":"","context":"c","output":"r"}"#).records[0].context == "c")
        #expect(try read(#"{"instruction":"i","context":null,"response":"r"}"#).records[0].context == "")
    }

    @Test("Every instance of a self-instruct task is a record")
    func instances() throws {
        let text = #"""
            {"id":"s0","instruction":"i","instances":[{"input":"a","output":"1"},{"input":"","output":"2","n":0}],"is_classification":true}
            {"id":"u0","instruction":"j","motivation_app":"Notes","instances":[{"input":"","output":"3"}]}
            {"instruction":"k","instances":[{"input":"","output":"4"}],"is_classification":false}
            """#
        let dataset = try read(text)
        #expect(dataset.records.map(\.response) == ["1", "2", "3", "4"])
        #expect(dataset.records.map(\.context) == ["a", "", "", ""])
        #expect(dataset.records.map(\.category) == ["classification", "classification", "Notes", "generation"])
        #expect(dataset.report.unknownFields == ["id": 2, "instances.n": 1])
        #expect(dataset.report.fields["instances.output"] == 3)
    }

    @Test("What other programs write is named: UTF-16, null answers, NaN, records over several lines")
    func namedFaults() throws {
        let one = #"{"instruction":"i","response":"r"}"#
        for (mark, order) in [([0xff, 0xfe], false), ([0xfe, 0xff], true), ([], false), ([], true)] as [([UInt8], Bool)]
        {
            let wide =
                mark
                + one.utf16.flatMap { unit -> [UInt8] in
                    let low = UInt8(truncatingIfNeeded: unit), high = UInt8(truncatingIfNeeded: unit >> 8)
                    return order ? [high, low] : [low, high]
                }
            #expect(throws: DatasetError.wideText(path: "x.json")) {
                _ = try InstructionDataset.parse(wide, path: "x.json", onBadRecord: .skip)
            }
        }
        func reason(_ text: String) -> String {
            do { _ = try read(text) } catch { return "\(error)" }
            return ""
        }
        #expect(reason(#"{"instruction":"i","output":null}"#).contains(#"x.json:1: record 1: "output" is null"#))
        #expect(reason(#"{"instruction":"i","response":null,"output":null}"#).contains(#""response" is null"#))
        #expect(reason(#"{"instruction":"i","output":"o","score":NaN}"#).contains("NaN at byte"))
        let pretty = "{\n  \"instruction\": \"i\",\n  \"response\": \"r\"\n}\n"
        #expect(reason(pretty).contains("over several lines"))
        #expect(
            reason("\(one)\n{\"instruction\":\"j\"").contains("x.json:2: record 2: the line ends inside the record"))
    }

    @Test("Marks, line ends and blank lines do no harm")
    func toleration() throws {
        let one = #"{"instruction":"i","response":"a\r\nb"}"#
        let two = #"{"instruction":"j","response":"r"}"#
        #expect(try read("\u{feff}\r\n \r\n\(one)\r\n\r\n\(two)").records.map(\.instruction) == ["i", "j"])
        #expect(try read("\(one)\r\n").records[0].response == "a\r\nb")
        #expect(try read("\u{feff} [\r\n\(one)\r\n,\(two) ] \r\n").records.count == 2)
        #expect(try read(#"[{"instruction":"a \"]},{[\\","response":"]"}]"#).records[0].instruction == #"a "]},{[\"#)
    }

    @Test("A bad record is named by file and line", arguments: [BadRecordPolicy.refuse, .skip])
    func badRecords(policy: BadRecordPolicy) throws {
        let good = #"{"instruction":"i","response":"r"}"#
        let bad = [
            "{", "7", "null", #"{"response":"r"}"#, #"{"instruction":"i"}"#, #"{"instruction":" ","response":"r"}"#,
            #"{"instruction":3,"response":"r"}"#, #"{"instruction":"i","response":["r"]}"#,
            #"{"instruction":"i","context":"a","input":"b","response":"r"}"#,
            #"{"instruction":"i","response":"r","instruction":"j"}"#, #"{"instruction":"i","instances":{}}"#,
            #"{"instruction":"i","instances":[]}"#, #"{"instruction":"i","instances":[1]}"#,
            #"{"instruction":"i","response":"r","is_classification":1}"#,
        ]
        for text in bad {
            let file = "\(good)\n\n\(text)\n\(good)\n"
            switch policy {
            case .skip:
                let dataset = try read(file, onBadRecord: .skip)
                #expect(dataset.records.count == 2, "\(text)")
                #expect(dataset.report.skipped.map(\.line) == [3])
                #expect(dataset.report.skippedCount == 1)
            case .refuse:
                let error = #expect(throws: DatasetError.self) { _ = try read(file) }
                #expect("\(try #require(error))".hasPrefix("x.json:3: "), "\(text)")
            }
        }
    }

    @Test("In an array, a bad record is named by its line and can be skipped")
    func badElement() throws {
        let text =
            "[\n{\"instruction\":\"i\",\"response\":\"r\"},\n\n{\"instruction\":tru},\n{\"instruction\":\"j\",\"response\":\"r\"}]"
        #expect(
            throws: DatasetError.badRecord(
                path: "x.json", line: 4, record: 2, reason: "invalid JSON: expected true at byte 15")
        ) {
            _ = try read(text)
        }
        #expect(try read(text, onBadRecord: .skip).records.map(\.instruction) == ["i", "j"])
    }

    @Test(
        "What is no list of records is refused whatever the policy",
        arguments: [
            "", " \n", "\u{feff}", "instruction,response", "\"a\"", "[", "[]", "[1", "[{}", "[{}]]", "[,]", "[{},]",
            "[{}}", "[{}] x",
        ])
    func structure(text: String) {
        #expect(throws: DatasetError.self) { _ = try read(text, onBadRecord: .skip) }
    }

    @Test("Errors say which file and what to do")
    func errors() throws {
        #expect(throws: DatasetError.empty(path: "x.json")) { _ = try read("\n") }
        #expect(throws: DatasetError.unknownFormat(path: "x.json")) { _ = try read("a") }
        #expect(throws: DatasetError.brokenStructure(path: "x.json", line: 2, reason: "the array does not end")) {
            _ = try read("[{\"instruction\":\"i\",\"response\":\"r\"}\n")
        }
        let error = #expect(throws: DatasetError.self) { _ = try read("{\n7", onBadRecord: .skip) }
        #expect("\(try #require(error))".contains("none of the 2 records"))
        #expect(throws: DatasetError.file(.notFound(path: "no-such-file"))) {
            _ = try InstructionDataset.read(path: "no-such-file")
        }
    }

    @Test("A record without end does not fill the memory")
    func tooLong() {
        let text = "{\"instruction\":\"" + String(repeating: "a", count: InstructionDataset.recordLimit + 1)
        #expect(throws: DatasetError.recordTooLong(path: "x.json", line: 1, limit: InstructionDataset.recordLimit)) {
            _ = try read(text)
        }
        #expect(throws: DatasetError.recordTooLong(path: "x.json", line: 2, limit: InstructionDataset.recordLimit)) {
            _ = try read("[\n" + text)
        }
    }

    @Test("Only the first skipped records are kept, all are counted")
    func manySkipped() throws {
        let text = "{\"instruction\":\"i\",\"response\":\"r\"}\n" + String(repeating: "{\n", count: 250)
        let report = try read(text, onBadRecord: .skip).report
        #expect(report.skippedCount == 250)
        #expect(report.skipped.count == DatasetReport.skippedLimit)
        #expect(report.json["skipped_count"] == .integer(250))
        #expect(report.description.contains("records skipped: 250"))
    }

    @Test("A file is read as its bytes are, in whatever pieces")
    func file() throws {
        let folder = try TemporaryFolder()
        let long = String(repeating: "é", count: 400_000)
        let lines = (0..<6).map { "{\"instruction\":\"i\($0)\",\"response\":\"\(long)\"}" }.joined(separator: "\n")
        try folder.write(lines, to: "d.jsonl")
        let dataset = try InstructionDataset.read(path: folder.path("d.jsonl"))
        #expect(dataset.records.map(\.instruction) == (0..<6).map { "i\($0)" })
        #expect(dataset.records.allSatisfy { $0.response == long })
    }
}
