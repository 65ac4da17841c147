import Basics
import Foundation
import InstructionTuning
import Storage
import SwarmFile
import TestSupport
import Testing

/// Instructions as people have them: conversations, tables, packed files, folders, and fields of other names.
@Suite("Forms of data sets") struct DatasetFormTests {
    private func read(
        _ text: String, path: String = "x.jsonl", fields: SwarmTopology.Data.Fields = .defaults,
        onBadRecord policy: BadRecordPolicy = .refuse
    ) throws(DatasetError) -> InstructionDataset {
        try InstructionDataset.parse(Array(text.utf8), path: path, fields: fields, onBadRecord: policy)
    }

    /// The reason for which a text is refused.
    private func reason(
        _ text: String, path: String = "x.jsonl", fields: SwarmTopology.Data.Fields = .defaults
    ) -> String {
        do { _ = try read(text, path: path, fields: fields) } catch { return "\(error)" }
        return ""
    }

    @Test("ShareGPT's and OpenAI's conversations are the same")
    func conversations() throws {
        let sharegpt = #"""
            {"conversations":[{"from":"system","value":"s"},{"from":"human","value":"u1"},{"from":"gpt","value":"a1"},{"from":"human","value":"u2"},{"from":"gpt","value":"a2"}],"id":"x"}
            """#
        let openAI = #"""
            {"messages":[{"role":"system","content":"s"},{"role":"user","content":"u1"},{"role":"assistant","content":"a1"},{"role":"user","content":"u2"},{"role":"assistant","content":"a2"}]}
            """#
        let wanted = InstructionRecord(
            instruction: "u2", response: "a2",
            history: [ChatTurn(.system, "s"), ChatTurn(.user, "u1"), ChatTurn(.assistant, "a1")])
        #expect(try read(sharegpt).records == [wanted])
        #expect(try read(openAI).records == [wanted])
        #expect(try read(sharegpt).report.unknownFields == ["id": 1])
        #expect(try read(sharegpt).report.conversations == 1)
        let apart =
            #"{"system":"s","conversations":[{"from":"human","value":"u"},{"from":"gpt","value":"a"}],"category":"k"}"#
        #expect(
            try read(apart).records
                == [
                    InstructionRecord(instruction: "u", response: "a", category: "k", history: [ChatTurn(.system, "s")])
                ])
        // One question and one answer are a record like any other.
        let single = #"{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a","weight":1}]}"#
        #expect(try read(single).records == [InstructionRecord(instruction: "u", response: "a")])
        let weighted = #"""
            {"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a","weight":0},{"role":"user","content":"v"},{"role":"assistant","content":"b"}]}
            """#
        #expect(try read(weighted).records[0].history[1] == ChatTurn(.assistant, "a", isLearned: false))
    }

    @Test("A conversation that is written reads back as it was")
    func roundTrip() throws {
        for history in [
            [], [ChatTurn(.system, "s"), ChatTurn(.user, "u"), ChatTurn(.assistant, "", isLearned: false)],
        ] {
            let record = InstructionRecord(instruction: "i", response: "r\n\"", category: "k", history: history)
            #expect(try InstructionDataset.parse(record.json.encoded(), path: "x").records == [record])
        }
    }

    @Test(
        "A conversation of which nobody can say what to learn is refused with the turn",
        arguments: [
            (#"{"conversations":[]}"#, "is empty"), (#"{"conversations":"hi"}"#, "is a string, not an array of turns"),
            (
                #"{"conversations":[{"from":"gpt","value":"a"},{"from":"human","value":"u"}]}"#,
                "begins with a turn of the assistant"
            ),
            (#"{"conversations":[{"from":"human","value":"u"}]}"#, "ends without an answer"),
            (#"{"messages":[{"role":"user","content":"u"},{"role":"user","content":"v"}]}"#, "turn 2 is of the user"),
            (#"{"messages":[{"role":"user","content":"u"},{"role":"tool","content":"v"}]}"#, "is of \"tool\""),
            (
                #"{"messages":[{"role":"user","content":[{"type":"text"}]},{"role":"assistant","content":"v"}]}"#,
                "is an array, not a string"
            ),
            (
                #"{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"","tool_calls":[{}]}]}"#,
                "tool_calls"
            ),
            (
                #"{"messages":[{"role":"user","content":" "},{"role":"assistant","content":"a"}]}"#,
                "turn 1 of \"messages\" is empty"
            ),
            (#"{"messages":[{"role":"user","from":"human","content":"u"}]}"#, "both \"from\" and \"role\""),
            (
                #"{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a","weight":0}]}"#,
                "weight 0"
            ),
            (
                #"{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a","weight":2}]}"#,
                "neither 0 nor 1"
            ),
            (
                #"{"messages":[{"role":"user","content":"u"}],"conversations":[{"from":"human","value":"u"}]}"#,
                "both there"
            ),
            (#"{"instruction":"i","response":"r","messages":[{"role":"user","content":"u"}]}"#, "both there"),
            (
                #"{"system":"x","messages":[{"role":"system","content":"s"},{"role":"user","content":"u"},{"role":"assistant","content":"a"}]}"#,
                "differ"
            ),
        ])
    func refusedConversations(text: String, wanted: String) {
        let good = #"{"instruction":"i","response":"r"}"#
        let reason = reason("\(good)\n\(text)")
        #expect(reason.hasPrefix("x.jsonl:2: record 2: ") && reason.contains(wanted), "\(reason)")
    }

    @Test("Prompt and completion, as texts and as turns")
    func completions() throws {
        #expect(
            try read(#"{"prompt":"p","completion":"c"}"#).records == [
                InstructionRecord(instruction: "p", response: "c")
            ])
        #expect(try read(#"{"prompt":"p","response":"c"}"#).records[0].response == "c")
        // Alpaca's files often carry the filled prompt beside the parts.
        let beside = try read(#"{"instruction":"i","output":"o","prompt":"Below is …","completion":"x"}"#)
        #expect(beside.records == [InstructionRecord(instruction: "i", response: "o")])
        #expect(beside.report.unknownFields == ["prompt": 1])
        let turns = #"""
            {"prompt":[{"role":"user","content":"u"},{"role":"assistant","content":"a"},{"role":"user","content":"v"}],"completion":[{"role":"assistant","content":"b"}]}
            """#
        let record = try read(turns).records[0]
        #expect(record.instruction == "v" && record.response == "b")
        #expect(record.history == [ChatTurn(.user, "u"), ChatTurn(.assistant, "a", isLearned: false)])
        #expect(reason(#"{"prompt":"p","chosen":"c","rejected":"r"}"#).contains("no field \"response\", \"output\" or"))
    }

    @Test("Fields of other names are read where they are named")
    func fields() throws {
        var fields = SwarmTopology.Data.Fields()
        fields.instruction = "question"
        fields.response = "answer"
        let text = #"{"question":"q","answer":"a","instruction":"other","response":"other"}"#
        let dataset = try read(text, fields: fields)
        #expect(dataset.records == [InstructionRecord(instruction: "q", response: "a")])
        #expect(dataset.report.fields == ["question": 1, "answer": 1])
        #expect(dataset.report.unknownFields == ["instruction": 1, "response": 1])
        #expect(
            reason(#"{"question":"q"}"#, fields: fields).contains("no field \"answer\", which is to hold the answer"))
        #expect(reason(#"{"answer":"q"}"#, fields: fields).contains("no field \"question\""))
        #expect(reason(#"{"question":"q","answer":"a"}"#).contains("there is: question, answer); name the fields"))
        fields = .init()
        fields.messages = "dialogue"
        fields.category = "topic"
        let named =
            #"{"dialogue":[{"from":"user","value":"u"},{"from":"assistant","value":"a"}],"topic":"t","instruction":"x"}"#
        #expect(
            try read(named, fields: fields).records == [
                InstructionRecord(instruction: "u", response: "a", category: "t")
            ])
    }

    @Test("Tables: quotation marks, line feeds and separators within cells, empty cells, a mark at the start")
    func tables() throws {
        let csv =
            "\u{feff}instruction,context,response,note\r\n\"a \"\"b\"\"\nc, d\",,\"r\r\ns\",1\r\n\r\n,,,\r\ni,k,,\n"
        let dataset = try read(csv, path: "x.csv")
        #expect(
            dataset.records == [
                InstructionRecord(instruction: "a \"b\"\nc, d", response: "r\r\ns"),
                InstructionRecord(instruction: "i", context: "k", response: ""),
            ])
        #expect(dataset.report.layout == .table && dataset.report.unknownFields == ["note": 1])
        let tsv = "\tquestion\tanswer\n0\tq, \"x\"\ta\n"
        var fields = SwarmTopology.Data.Fields()
        fields.instruction = "question"
        fields.response = "answer"
        #expect(
            try read(tsv, path: "X.tsv", fields: fields).records
                == [InstructionRecord(instruction: "q, \"x\"", response: "a")])
        let lists =
            "messages\n\"[{\"\"role\"\":\"\"user\"\",\"\"content\"\":\"\"u\"\"},{\"\"role\"\":\"\"assistant\"\",\"\"content\"\":\"\"a\"\"}]\"\n"
        #expect(try read(lists, path: "x.csv").records == [InstructionRecord(instruction: "u", response: "a")])
    }

    @Test(
        "Damaged tables are refused by line and record",
        arguments: [
            ("instruction,response\ni,r\nj\n", "x.csv:3: record 2: the row has 1 cells"),
            ("instruction,response\ni,\"r\"x\n", "x.csv:2: record 1: text follows a closing quotation mark"),
            (
                "instruction,response\ni,\"r\n",
                "the row that begins on line 2 opens a quotation mark that nothing closes"
            ),
            ("instruction,instruction\ni,r\n", "names \"instruction\" twice"),
            ("instruction;response\ni;r\n", "has no commas, but \";\""),
            (
                "question,answer\nq,a\n",
                "x.csv:2: record 1: there is no field \"instruction\" (there is: question, answer)"
            ),
            ("instruction,response\n", "the file is empty"), ("", "the file is empty"),
            ("instruction,response\n\u{0}", "cells"),
        ])
    func damagedTables(text: String, wanted: String) {
        let reason = reason(text, path: "x.csv")
        #expect(reason.contains(wanted), "\(reason)")
    }

    @Test("A row without end does not fill the memory")
    func longRow() {
        let text = "instruction,response\n\"" + String(repeating: "a\n", count: InstructionDataset.recordLimit / 2 + 1)
        #expect(throws: DatasetError.recordTooLong(path: "x.csv", line: 2, limit: InstructionDataset.recordLimit)) {
            _ = try read(text, path: "x.csv")
        }
    }

    /// `{"instruction":"i","response":"r"}` and a line feed, packed.
    private static let packed: [UInt8] =
        [UInt8](
            hexadecimal: "1f8b0800000000000203ab56cacc2b2e292a4d2ec9cccf53b252ca54d251"
                + "2a4a2d2ec8cf2b4e05728b946ab900e7873ad423000000") ?? []

    /// A mebibyte of spaces, packed into a kilobyte.
    private static let spaces: [UInt8] =
        ([UInt8](hexadecimal: "1f8b0800000000000203edc13101000000c2a02aeb9fd210be4001") ?? [])
        + [UInt8](repeating: 0, count: 1015) + ([UInt8](hexadecimal: "7c06a70203f100001000") ?? [])

    @Test("Files packed with gzip are unpacked, whatever their name; several members are one text")
    func gzip() throws {
        for path in ["x.jsonl.gz", "x.jsonl", "x"] {
            #expect(try InstructionDataset.parse(Self.packed, path: path).records.count == 1)
        }
        #expect(try InstructionDataset.parse(Self.packed + Self.packed + [0, 0], path: "x.gz").records.count == 2)
        #expect(try InstructionDataset.parse(Self.spaces + Self.packed, path: "x.gz").records.count == 1)
        func fault(_ bytes: [UInt8]) -> DatasetError? {
            do throws(DatasetError) { _ = try InstructionDataset.parse(bytes, path: "x.gz") } catch { return error }
            return nil
        }
        #expect(fault(Array(Self.packed.dropLast())) == .gzip(path: "x.gz", .cutShort))
        #expect(fault(Self.packed + [7, 7]) == .gzip(path: "x.gz", .damaged))
        var wrong = Self.packed
        wrong[wrong.count - 6] ^= 1
        #expect(fault(wrong) == .gzip(path: "x.gz", .damaged))
        let bomb = [[UInt8]](repeating: Self.spaces, count: 65).flatMap { $0 }
        #expect(fault(bomb) == .gzip(path: "x.gz", .tooLarge(limit: 64 << 20)))
    }

    @Test(
        "Files of other kinds are named, with what makes one that is read",
        arguments: [
            (Array("PAR1....".utf8), "pandas.read_parquet(\"d.parquet\").to_json(\"d.jsonl\""),
            ([0x50, 0x4b, 0x03, 0x04, 0], "zip"), ([0x28, 0xb5, 0x2f, 0xfd], "unzstd"), (Array("BZh9".utf8), "bunzip2"),
        ])
    func foreign(bytes: [UInt8], wanted: String) {
        let error = #expect(throws: DatasetError.self) {
            _ = try InstructionDataset.parse(bytes, path: "d.parquet", onBadRecord: .skip)
        }
        let text = error?.description ?? ""
        #expect(text.contains(wanted), "\(text)")
    }

    @Test("Several files and folders are read in their order")
    func sources() throws {
        let folder = try TemporaryFolder()
        try folder.write("{\"instruction\":\"1\",\"response\":\"r\"}", to: "b.jsonl")
        try folder.write("instruction,response\n2,r\n", to: "c.csv")
        try folder.write("[{\"instruction\":\"0\",\"response\":\"r\"}]", to: "a.json")
        try folder.write("not read", to: "notes.txt")
        try folder.write("not read", to: ".hidden.json")
        let whole = try InstructionDataset.read(DataSource([folder.url.path + "/"]))
        #expect(whole.records.map(\.instruction) == ["0", "1", "2"])
        #expect(whole.report.files.count == 3 && whole.report.layout == .mixed && whole.report.records == 3)
        #expect(whole.report.description.contains("together: 3 records"))
        let two = try InstructionDataset.read(DataSource([folder.path("c.csv"), folder.path("a.json")]))
        #expect(two.records.map(\.instruction) == ["2", "0"])
        let empty = try TemporaryFolder()
        try empty.write("x", to: "d.parquet")
        #expect(throws: DatasetError.emptyFolder(path: empty.url.path, others: ["d.parquet"])) {
            _ = try InstructionDataset.read(DataSource([empty.url.path]))
        }
    }
}
