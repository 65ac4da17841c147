import InstructionTuning
import LanguageModel
import Testing

@Suite("Record encoding") struct RecordEncoderTests {
    private let template: PromptTemplate
    private let record = InstructionRecord(instruction: "abc", context: "", response: "xy")

    init() throws {
        template = try PromptTemplate(
            name: "t", withContext: "{instruction}|{input}=", withoutContext: "{instruction}=")
    }

    private func encoder(
        _ encoder: CharacterEncoder = CharacterEncoder(), cutoff: Int = 64, trainOnInputs: Bool = false
    ) -> RecordEncoder {
        RecordEncoder(template: template, encoder: encoder, cutoff: cutoff, trainOnInputs: trainOnInputs)
    }

    private func tokens(_ text: String) -> [Int32] { text.unicodeScalars.map { Int32($0.value) } }

    @Test("The response and the end token carry loss, the prompt none")
    func mask() throws {
        let encoded = try encoder().encode(record)
        #expect(encoded.sequence.tokens == tokens("abc=xy") + [2])
        #expect(encoded.sequence.lossMask == [false, false, false, false, true, true, true])
        #expect(encoded.responseTokens == 3 && !encoded.isTruncated)
    }

    @Test("With a begin token, the prompt is longer by it")
    func beginToken() throws {
        let encoded = try encoder(CharacterEncoder(addsBegin: true)).encode(record)
        #expect(encoded.sequence.tokens == [1] + tokens("abc=xy") + [2])
        #expect(encoded.sequence.lossMask.count { $0 } == 3)
        #expect(encoder(CharacterEncoder(addsBegin: true)).promptTokens(of: record) == [1] + tokens("abc="))
    }

    @Test("An end token of the post-processor is neither doubled nor counted as prompt")
    func endToken() throws {
        let encoded = try encoder(CharacterEncoder(addsEnd: true)).encode(record)
        #expect(encoded.sequence.tokens == tokens("abc=xy") + [2])
        #expect(encoded.sequence.lossMask == [false, false, false, false, true, true, true])
        #expect(encoder(CharacterEncoder(addsEnd: true)).promptTokens(of: record) == tokens("abc="))
    }

    @Test("Where the cutoff leaves no room, there is no end token; where it leaves one place, there is")
    func cutoff() throws {
        let six = try encoder(cutoff: 6).encode(record)
        #expect(six.sequence.tokens == tokens("abc=xy"))
        #expect(!six.isTruncated && six.responseTokens == 2)
        let five = try encoder(cutoff: 5).encode(record)
        #expect(five.sequence.tokens == tokens("abc=x"))
        #expect(five.isTruncated && five.responseTokens == 1)
        let seven = try encoder(cutoff: 7).encode(record)
        #expect(seven.sequence.tokens.last == 2)
        let four = try encoder(cutoff: 4).encode(record)
        #expect(four.responseTokens == 0 && four.isTruncated && !four.sequence.lossMask.contains(true))
        #expect(encoder(cutoff: 3).promptTokens(of: record) == tokens("abc"))
    }

    @Test("Trained on inputs, all but the first token carry loss")
    func inputs() throws {
        let mask = try encoder(trainOnInputs: true).encode(record).sequence.lossMask
        #expect(mask == [false, true, true, true, true, true, true])
    }

    @Test("A tokenizer without an end token adds none")
    func noEnd() throws {
        let encoded = try encoder(CharacterEncoder(endOfSequence: nil)).encode(record)
        #expect(encoded.sequence.tokens == tokens("abc=xy"))
    }

    @Test("Records whose prompt fills the cutoff are left out and counted")
    func leftOut() {
        let records = [
            record, InstructionRecord(instruction: "much too long", response: "x"),
            InstructionRecord(instruction: "a", response: "a long answer"),
        ]
        let encoded = EncodedRecords(records, with: encoder(cutoff: 8))
        #expect(encoded.records.map(\.instruction) == ["abc", "a"])
        #expect(encoded.sequences.count == 2)
        let report = encoded.report
        #expect(report.records == 3 && report.withoutResponse == 1 && report.truncated == 1)
        #expect(report.tokens == 7 + 8 && report.responseTokens == 3 + 6 && report.longest == 8)
        #expect(report.description.contains("1 left out"))
    }

    @Test("Chat forms spell out their tokens, end the answer with their own mark and stop at it")
    func chatForms() throws {
        let encoder = RecordEncoder(
            template: .llama2, encoder: CharacterEncoder(addsBegin: true, addsEnd: true), cutoff: 400)
        let record = InstructionRecord(instruction: " Sort.\n", context: "b a ", response: "a b")
        let encoded = try encoder.encode(record)
        #expect(CharacterEncoder().decode(encoded.sequence.tokens) == "<s>[INST] Sort.\n\nb a [/INST] a b </s>")
        #expect(encoded.responseTokens == " a b </s>".count)
        #expect(CharacterEncoder().decode(encoder.promptTokens(of: record)) == "<s>[INST] Sort.\n\nb a [/INST]")
        for name in PromptTemplate.names {
            let template = try PromptTemplate.named(name)
            #expect(template.name == name && template.filled(record).contains("Sort."))
            #expect(template.addsSpecialTokens == template.responseEnd.isEmpty)
        }
    }
}
