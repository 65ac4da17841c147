import Basics
import InstructionTuning
import TestSupport
import Testing

@Suite("Damaged data sets") struct DatasetFuzzTests {
    private static let samples = [
        #"{"instruction":"i","context":"c","response":"r","category":"k"}"# + "\n"
            + #"{"instruction":"j","input":"","output":"\u00e9\n","instances":null}"# + "\n",
        #"[{"instruction":"i","instances":[{"input":"a","output":"b"}],"is_classification":true}, {"instruction":"x","response":"y"}]"#,
        #"{"conversations":[{"from":"system","value":"s"},{"from":"human","value":"u"},{"from":"gpt","value":"a"}]}"#
            + "\n"
            + #"{"messages":[{"role":"user","content":"u"},{"role":"assistant","content":"a","weight":1}]}"#,
        "instruction,context,response\n\"a \"\"b\"\"\nc\",,r\ni,\"k, l\",\n",
    ]

    @Test("Damaged files are read or refused, never more", arguments: samples, [BadRecordPolicy.refuse, .skip])
    func datasets(sample: String, policy: BadRecordPolicy) {
        var generator = SeededGenerator(seed: 7)
        var read = 0
        for _ in 0..<4_000 {
            let bytes = Mutation.apply(to: Array(sample.utf8), using: &generator)
            do {
                let dataset = try InstructionDataset.parse(
                    bytes, path: sample.hasPrefix("[") || sample.hasPrefix("{") ? "x" : "x.csv", onBadRecord: policy)
                #expect(!dataset.records.isEmpty)
                #expect(dataset.report.records == dataset.records.count)
                read += 1
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
        #expect(read > 0)
    }

    @Test("Damaged template files are read or refused, never more")
    func templates() {
        let sample =
            #"{"description":"d","prompt_input":"{instruction} {{x}} {input}","prompt_no_input":"{instruction}","response_split":"R"}"#
        var generator = SeededGenerator(seed: 8)
        for _ in 0..<4_000 {
            let bytes = Mutation.apply(to: Array(sample.utf8), using: &generator)
            do {
                let template = try PromptTemplate.parse(bytes, path: "x")
                #expect(template.filled(instruction: "INSTRUCTION").contains("INSTRUCTION"))
            } catch {
                #expect(!error.description.isEmpty)
            }
        }
    }
}
