import Foundation
import InstructionTuning
import LanguageModel
import Storage
import TestSupport
import Testing

/// Conversations against transformers' `apply_chat_template(..., return_assistant_tokens_mask=True)`; the file is written by
/// scripts/make-conversation-fixtures.
@Suite("Conversations as tokens") struct ConversationEncodingTests {
    private static let fixtures = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures")

    private static func entries() throws -> [JSONValue] {
        let file = fixtures.appendingPathComponent("conversations.json")
        return try #require(try JSONValue.parse(try ReadableFile.contents(of: file.path)).array)
    }

    private static func template(_ text: String) throws -> PromptTemplate {
        let folder = try TemporaryFolder()
        try folder.write(text, to: "chat_template.jinja")
        return try PromptTemplate.named("chat", model: folder.url.path)
    }

    private static func record(_ messages: JSONValue) throws -> InstructionRecord {
        let line = JSONValue.object(JSONObject([("messages", messages)])).encoded()
        return try #require(try InstructionDataset.parse(line, path: "x.jsonl").records.first)
    }

    @Test(
        "Tokens and masks are those of transformers, whether the template marks its answers or not", arguments: 0..<10)
    func agreement(entry number: Int) throws {
        let entries = try Self.entries()
        #expect(entries.count == 10)
        let entry = entries[number]
        let name = try #require(entry["tokenizer"]?.text)
        let path = Self.fixtures.appendingPathComponent("\(name)/tokenizer.json").path
        let tokenizer = try Tokenizer(json: try ReadableFile.contents(of: path))
        for key in ["plain", "marked"] {
            let template = try Self.template(try #require(entry[key]?.text))
            let encoder = RecordEncoder(template: template, encoder: tokenizer, cutoff: 4096)
            for one in try #require(entry["cases"]?.array) {
                let record = try Self.record(try #require(one["messages"]))
                // Without a history the single turn's form writes it, which leaves the line break behind the end out.
                guard template.conversation != nil, !record.history.isEmpty || key == "marked" else { continue }
                let encoded = try encoder.encode(record)
                let tokens = try #require(one["tokens"]?.array).compactMap(\.int).map(Int32.init)
                let mask = try #require(one["mask"]?.array).map { $0.int == 1 }
                #expect(encoded.sequence.tokens == tokens, "\(name) \(key) \(record.instruction)")
                #expect(encoded.sequence.lossMask == mask, "\(name) \(key) \(record.instruction)")
                #expect(encoded.responseTokens == mask.count { $0 })
                let prompt = try #require(one["prompt"]?.array).compactMap(\.int).map(Int32.init)
                #expect(encoder.promptTokens(of: record) == prompt)
            }
        }
    }

    @Test("The single turn's form and the conversation's give the same answers to learn")
    func singleTurns() throws {
        for name in ["chatml", "llama-2", "llama-3", "phi-3", "gemma"] {
            let template = try PromptTemplate.named(name)
            let encoder = RecordEncoder(template: template, encoder: CharacterEncoder(), cutoff: 4096)
            let question = ChatTurn(.user, "Sort."), answer = ChatTurn(.assistant, "a b")
            let single = try encoder.encode(InstructionRecord(instruction: "More.", response: "c d"))
            let double = try encoder.encode(
                InstructionRecord(instruction: "More.", response: "c d", history: [question, answer]))
            #expect(double.responseTokens - single.responseTokens == single.responseTokens, "\(name)")
            let text = CharacterEncoder().decode(double.sequence.tokens)
            #expect(text.contains("Sort.") && text.contains("c d"))
            // The last turn is written as it is alone, but for what begins a text.
            let begin = ["llama-3": "<|begin_of_text|>", "gemma": "<bos>"][name] ?? ""
            let alone = CharacterEncoder().decode(single.sequence.tokens).dropFirst(begin.count)
            #expect(text.trimmingCharacters(in: .newlines).hasSuffix(alone), "\(name): \(text)")
        }
        let system = InstructionRecord(
            instruction: "Sort.", response: "a b", history: [ChatTurn(.system, "Be brief.")])
        for (name, begin) in [
            ("chatml", "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nSort."),
            ("llama-2", "<s>[INST] <<SYS>>\nBe brief.\n<</SYS>>\n\nSort. [/INST] a b </s>"),
        ] {
            let encoder = RecordEncoder(template: try .named(name), encoder: CharacterEncoder(), cutoff: 4096)
            #expect(CharacterEncoder().decode(try encoder.encode(system).sequence.tokens).hasPrefix(begin))
        }
    }

    @Test("Answers of weight 0 carry no loss, and what the cutoff cuts is cut")
    func weightsAndCutoff() throws {
        let record = InstructionRecord(
            instruction: "u2", response: "a2",
            history: [ChatTurn(.user, "u1"), ChatTurn(.assistant, "a1", isLearned: false)])
        let encoder = RecordEncoder(template: .chatML, encoder: CharacterEncoder(), cutoff: 4096)
        let whole = try encoder.encode(record)
        #expect(whole.responseTokens == "a2<|im_end|>".count)
        let length = whole.sequence.tokens.count
        let cut = try RecordEncoder(template: .chatML, encoder: CharacterEncoder(), cutoff: length - 12).encode(record)
        #expect(cut.isTruncated && cut.responseTokens == 1 && cut.sequence.tokens.count == length - 12)
        let inputs = try RecordEncoder(
            template: .chatML, encoder: CharacterEncoder(), cutoff: 4096, trainOnInputs: true
        ).encode(record)
        #expect(inputs.sequence.lossMask.count { $0 } == length - 1)
        #expect(inputs.responseTokens == whole.responseTokens)
    }

    @Test("A conversation that a template cannot write is refused by its number, with what to do")
    func refused() throws {
        let good = InstructionRecord(instruction: "i", response: "r")
        let long = InstructionRecord(instruction: "i", response: "r", history: [ChatTurn(.system, "s")])
        func fault(_ template: PromptTemplate) throws -> String {
            let encoder = RecordEncoder(template: template, encoder: CharacterEncoder(), cutoff: 400)
            let error = try #require(throws: RecordsError.self) {
                try EncodedRecords([good, long], with: encoder)
                    .check(peer: "ada", cutoff: 400, vocabularySize: 1 << 21)
            }
            return error.description
        }
        #expect(
            try fault(.alpaca).hasPrefix("ada: record 2: the prompt template alpaca has no place for earlier turns"))
        #expect(try fault(.gemma).contains("Gemma has no system turn"))
        let changing = try Self.template(
            "{% for m in messages %}[{{ m.content if m.role != 'system' else m.content | upper }}]{% endfor %}"
                + "{% if add_generation_prompt %}[{% endif %}")
        #expect(try fault(changing).contains("changes what is said"))
        let forgetful = try Self.template(
            "{% for m in messages %}{% if m.role != 'system' %}[{{ m.content }}]{% endif %}{% endfor %}"
                + "{% if add_generation_prompt %}[{% endif %}")
        #expect(try fault(forgetful).contains("leaves turns out"))
    }
}
