import Foundation
import InstructionTuning
import TestSupport
import Testing

@Suite("Public instructions", .enabled(if: SharedData.isPresent)) struct RealDatasetTests {
    private func read(_ path: String) throws -> InstructionDataset {
        try InstructionDataset.read(path: try #require(SharedData.folder).appendingPathComponent(path).path)
    }

    @Test("Dolly is read whole")
    func dolly() throws {
        let dataset = try read("dolly-15k/databricks-dolly-15k.jsonl")
        #expect(dataset.records.count == 15_011)
        #expect(
            dataset.report.categories == [
                "open_qa": 3742, "general_qa": 2191, "classification": 2136, "closed_qa": 1773, "brainstorming": 1766,
                "information_extraction": 1506, "summarization": 1188, "creative_writing": 709,
            ])
        #expect(dataset.report.unknownFields.isEmpty)
        #expect(dataset.report.skippedCount == 0)
        // All text is there: JSONSerialization reads the same first record.
        #expect(dataset.records[0].instruction == "What are some common mushrooms used in cooking?")
    }

    @Test("The reader agrees with Foundation's on every record of the small Dolly")
    func agreement() throws {
        let path = try #require(SharedData.folder).appendingPathComponent("dolly-15k/dolly-mini-160.jsonl")
        let records = try InstructionDataset.read(path: path.path).records
        let lines = try String(contentsOf: path, encoding: .utf8).split(separator: "\n")
        #expect(records.count == 160 && lines.count == 160)
        for (record, line) in zip(records, lines) {
            let other = try #require(
                try JSONSerialization.jsonObject(with: Data(line.utf8)) as? [String: String])
            #expect(record.instruction == other["instruction"])
            #expect(record.context == other["context"])
            #expect(record.response == other["response"])
            #expect(record.category == other["category"])
        }
    }

    @Test("self-instruct's tasks are read with their instances")
    func selfInstruct() throws {
        let seeds = try read("self-instruct/seed_tasks.jsonl")
        #expect(seeds.report.fields["instruction"] == 175)
        #expect(seeds.records.count >= 175)
        #expect(Set(seeds.report.categories.keys) == ["classification", "generation"])
        let users = try read("self-instruct/user_oriented_instructions.jsonl")
        #expect(users.report.fields["motivation_app"] == 252)
        #expect(users.records.count >= 252)
        #expect(users.report.categories.count > 20)
    }

    @Test("Questions without answers are refused with the names of their fields")
    func questions() throws {
        let error = #expect(throws: DatasetError.self) { _ = try read("vicuna-bench/vicuna_bench_question.jsonl") }
        let text = "\(try #require(error))"
        #expect(text.contains("vicuna_bench_question.jsonl:1: ") && text.contains("turns"))
    }
}
