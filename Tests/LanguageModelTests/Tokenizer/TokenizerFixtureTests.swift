import Foundation
import LanguageModel
import Storage
import TestSupport
import Testing

/// Tokens and decoded text as the `tokenizers` library gives them; scripts/make-tokenizer-fixtures wrote the files.
@Suite("Tokenizer against the tokenizers library") struct TokenizerFixtureTests {
    private struct Case: Sendable {
        let text: String
        let ids: [Int32]
        let special: [Int32]
        let decoded: String
        let decodedAll: String
    }

    private static func folder(_ family: String) -> String {
        SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/tokenizer-\(family)").path
    }

    private static func cases(_ family: String) throws -> [Case] {
        let document = try JSONValue.parse(ReadableFile.contents(of: "\(folder(family))/expected.json"))
        return try #require(document.array).map { value in
            func ids(_ key: String) throws -> [Int32] {
                try #require(value[key]?.array).map { Int32(try #require($0.int)) }
            }
            return Case(
                text: try #require(value["text"]?.text), ids: try ids("ids"), special: try ids("special"),
                decoded: try #require(value["decoded"]?.text), decodedAll: try #require(value["decodedAll"]?.text))
        }
    }

    static let families = [
        "gpt2", "gpt2-prefixed", "smollm", "small-alphabet", "llama3", "qwen2", "llama2", "metaspace",
        "metaspace-unknown",
    ]

    @Test("Every text has the library's tokens", arguments: families)
    func encode(family: String) throws {
        let tokenizer = try Tokenizer.load(directory: Self.folder(family))
        let cases = try Self.cases(family)
        #expect(cases.count > 200)
        for example in cases {
            let text = example.text.debugDescription.prefix(120)
            #expect(tokenizer.encode(example.text, addSpecialTokens: false) == example.ids, "\(text)")
            #expect(tokenizer.encode(example.text, addSpecialTokens: true) == example.special, "\(text)")
            // Once more from the memory of words.
            #expect(tokenizer.encode(example.text, addSpecialTokens: false) == example.ids, "\(text)")
        }
    }

    @Test("The library's tokens decode to the library's text", arguments: families)
    func decode(family: String) throws {
        let tokenizer = try Tokenizer.load(directory: Self.folder(family))
        for example in try Self.cases(family) {
            let decoded = tokenizer.decode(example.special)
            let decodedAll = tokenizer.decode(example.special, skipsSpecialTokens: false)
            #expect(Array(decoded.utf8) == Array(example.decoded.utf8), "\(example.text.debugDescription.prefix(120))")
            #expect(
                Array(decodedAll.utf8) == Array(example.decodedAll.utf8),
                "\(example.text.debugDescription.prefix(120))")
        }
    }

    @Test("Text that is decoded as tokens come is the text of all tokens", arguments: families)
    func streaming(family: String) throws {
        let tokenizer = try Tokenizer.load(directory: Self.folder(family))
        for example in try Self.cases(family) where example.text.utf8.count < 200 {
            var decoder = StreamingDecoder(tokenizer)
            var text = ""
            for token in example.special { text += decoder.append(token) }
            text += decoder.finish()
            #expect(Array(text.utf8) == Array(example.decoded.utf8), "\(example.text.debugDescription)")
        }
    }

    @Test("The tokens that begin and end a text are found")
    func landmarks() throws {
        let llama = try Tokenizer.load(directory: Self.folder("llama2"))
        #expect(llama.beginOfSequence == 1)
        #expect(llama.endOfSequence == 2)
        #expect(llama.vocabularySize == 900)
        #expect(llama.largestIdentifier == 899)
        #expect(llama.isSpecial(1) && !llama.isSpecial(500))
        let qwen = try Tokenizer.load(directory: Self.folder("qwen2"))
        #expect(qwen.beginOfSequence == nil)
        #expect(qwen.vocabularySize == 703)

        let folder = try TemporaryFolder()
        let json = try ReadableFile.contents(of: "\(Self.folder("qwen2"))/tokenizer.json")
        try AtomicFile.write(json, to: folder.path("tokenizer.json"))
        try folder.write(#"{"eos_token_id":[5,6],"bos_token_id":null}"#, to: "config.json")
        #expect(try Tokenizer.load(directory: folder.url.path).endOfSequence == 5)
        try folder.write(#"{"eos_token":{"content":"<|end|>"},"bos_token":null}"#, to: "tokenizer_config.json")
        #expect(try Tokenizer.load(directory: folder.url.path).endOfSequence == qwen.token(spelled: "<|end|>"))
    }
}
