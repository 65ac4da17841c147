import Basics
import Foundation
import InstructionTuning
import Storage
import TestSupport
import Testing

/// Checkpoints' own chat templates against what transformers renders; the file is written by scripts/make-chat-fixtures.
@Suite("Chat templates") struct ChatTemplateTests {
    private static func fixture() throws -> JSONValue {
        let file = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/chat-templates.json")
        return try JSONValue.parse(try ReadableFile.contents(of: file.path))
    }

    /// A folder with the template in one of the two places where transformers puts it.
    private static func template(_ text: String, inFile: Bool = false) throws -> PromptTemplate {
        let folder = try TemporaryFolder()
        var members: [(String, JSONValue)] = [
            ("bos_token", .text("<s>")), ("eos_token", .object(JSONObject([("content", .text("</s>"))]))),
        ]
        if inFile {
            try folder.write(text, to: "chat_template.jinja")
        } else {
            members.append(("chat_template", .text(text)))
        }
        try AtomicFile.write(
            JSONValue.object(JSONObject(members)).encoded(), to: folder.path("tokenizer_config.json"))
        return try PromptTemplate.named("chat", model: folder.url.path)
    }

    @Test("Prompts and conversations are those of transformers", arguments: [false, true])
    func agreement(inFile: Bool) throws {
        let entries = try #require(Self.fixture()["templates"]?.array)
        #expect(entries.count == 8)
        for entry in entries {
            let name = try #require(entry["name"]?.text)
            let template = try Self.template(try #require(entry["template"]?.text), inFile: inFile)
            #expect(!template.addsSpecialTokens)
            for one in try #require(entry["cases"]?.array) {
                let question = try #require(one["question"]?.text)
                let prompt = template.filled(instruction: question)
                #expect(prompt == one["prompt"]?.text, "\(name)")
                let answered = prompt + template.responseStart + (one["answer"]?.text ?? "") + template.responseEnd
                let conversation = try #require(one["conversation"]?.text)
                // The line break behind the last turn is the next turn's.
                #expect(conversation == answered || conversation == answered + "\n", "\(name)")
            }
            let withContext = template.filled(instruction: "Sort.", context: "b a")
            #expect(withContext == template.filled(instruction: "Sort.\n\nb a"))
        }
    }

    @Test("Conversations begin as prompts do, and go on turn by turn")
    func conversations() throws {
        for entry in try #require(Self.fixture()["templates"]?.array) {
            let folder = try TemporaryFolder()
            try folder.write(try #require(entry["template"]?.text), to: "chat_template.jinja")
            try folder.write(#"{"bos_token":"<s>","eos_token":{"content":"</s>"}}"#, to: "tokenizer_config.json")
            let template = try ConversationTemplate.ofModel(directory: folder.url.path)
            for one in try #require(entry["cases"]?.array) {
                let question = ChatTurn(role: .user, content: try #require(one["question"]?.text))
                #expect(try template.text(of: [question]) == one["prompt"]?.text)
                let answer = ChatTurn(role: .assistant, content: one["answer"]?.text ?? "")
                let longer = try template.text(of: [question, answer, ChatTurn(role: .user, content: "And then?")])
                #expect(longer.utf8.starts(with: (one["prompt"]?.text ?? "-").utf8) && longer.contains("And then?"))
            }
        }
        let turns = [
            ChatTurn(role: .system, content: "S"), ChatTurn(role: .user, content: "one"),
            ChatTurn(role: .assistant, content: "1"), ChatTurn(role: .user, content: "two"),
        ]
        let terse = try PromptTemplate.named("terse")
        #expect(
            terse.filled(turns, input: "x")
                == terse.filled(instruction: "S\n\none") + terse.responseStart + "1\n\n"
                + terse.filled(instruction: "two", context: "x"))
    }

    @Test("The named forms are those of the checkpoints")
    func named() throws {
        let entries = try #require(Self.fixture()["templates"]?.array)
        for name in ["chatml", "llama-2", "phi-3"] {
            let entry = try #require(entries.first { $0["name"]?.text == name })
            let own = try Self.template(try #require(entry["template"]?.text))
            let form = try PromptTemplate.named(name)
            #expect(form.filled(instruction: " x ") == own.filled(instruction: " x "))
            #expect(form.responseStart == own.responseStart && form.responseEnd == own.responseEnd)
        }
    }

    @Test(
        "Templates that do more or other than the common forms are refused with a hint",
        arguments: [
            ("{% macro f() %}{% endmacro %}", "macro"), ("{{ messages[0].content | tojson }}", "tojson"),
            ("{{ strftime_now('%d') }}{{ messages[0].content }}", "strftime_now"),
            ("{{ messages[0].content }}{{ messages[0].content }}", "2 times"), ("no content", "0 times"),
            ("{{ messages[0].content | upper }}", "times"), ("{% if %}", "ends early"), ("{{ 'x }}", "does not end"),
            ("{% for m in messages %}", "endfor"), ("{{ raise_exception('no, thank you') }}", "no, thank you"),
            ("{{ messages }}", "list"), ("{{ messages[0].content.replace('a', 'b') }}", "replace"),
            ("{% for m in messages %}{{ m.content }}{{ messages | length }}{% endfor %}", "does not begin"),
            (String(repeating: "{% if true %}", count: 100), "too deeply"),
            (
                "{{ " + String(repeating: "(", count: 100) + "1" + String(repeating: ")", count: 100) + " }}",
                "too deeply"
            ), ("{{ " + String(repeating: "- ", count: 50_000) + "1 }}", "too long"),
            ("{{ 1" + String(repeating: " + 1", count: 50_000) + " }}", "too long"),
            ("{{ 99999999999999999999 }}", "number"),
            ("{{ 9223372036854775807 + 1 }}", "between"), ("{{ 1 // 0 }}", "between"),
        ])
    func refused(text: String, reason: String) throws {
        let error = #expect(throws: PromptTemplateError.self) { try Self.template(text) }
        let description = error?.description ?? ""
        #expect(description.contains(reason) && description.contains("chatml"), "\(description)")
        #expect(description.contains("tokenizer_config.json"))
    }

    @Test("A model without a chat template says so")
    func absent() throws {
        let folder = try TemporaryFolder()
        #expect(throws: PromptTemplateError.noChatTemplate(directory: folder.url.path)) {
            try PromptTemplate.named("chat", model: folder.url.path)
        }
        #expect(throws: PromptTemplateError.self) { try PromptTemplate.named("chat", model: nil) }
        #expect(try PromptTemplate.named("alpaca", model: nil).name == "alpaca")
    }

    @Test("Damaged templates are read or refused, never more, and end soon")
    func damaged() throws {
        let texts = try #require(Self.fixture()["templates"]?.array).compactMap { $0["template"]?.text }
        var generator = SeededGenerator(seed: 51)
        var read = 0
        for round in 0..<1_200 {
            let bytes = Mutation.apply(to: Array(texts[round % texts.count].utf8), using: &generator)
            do {
                let template = try Self.template(String(decoding: bytes, as: UTF8.self), inFile: true)
                #expect(template.filled(instruction: "INSTRUCTION").contains("INSTRUCTION"))
                read += 1
            } catch {
                #expect(error is PromptTemplateError)
            }
        }
        #expect(read > 50)
    }

    @Test("Loops within loops come to an end")
    func bounded() {
        let depth = 40
        let text =
            String(repeating: "{% for a in [1,2,3,4,5,6,7,8] %}", count: depth) + "x"
            + String(repeating: "{% endfor %}", count: depth)
        #expect(throws: PromptTemplateError.self) { try Self.template(text) }
    }
}
