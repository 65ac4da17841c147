import Foundation
import LanguageModel
import Storage
import TestSupport
import Testing

@Suite("Published tokenizers", .enabled(if: SharedData.isPresent)) struct TokenizerSharedDataTests {
    @Test("The 46 published vectors of GPT-2 come out exactly")
    func gpt2() throws {
        let folder = try #require(SharedData.folder).appendingPathComponent("tokenizers/gpt2")
        let tokenizer = try Tokenizer.load(directory: folder.path)
        #expect(tokenizer.vocabularySize == 50_257)
        #expect(tokenizer.largestIdentifier == 50_256)
        #expect(tokenizer.endOfSequence == 50_256)
        func read(_ name: String) throws -> String {
            String(
                decoding: try ReadableFile.contents(of: "\(folder.path)/ggml-vocab-gpt-2.gguf.\(name)"), as: UTF8.self)
        }
        var texts = try read("inp").components(separatedBy: "\n__ggml_vocab_test__\n")
        // The last separator ends the last text.
        if texts.last?.isEmpty == true { texts.removeLast() }
        var lines = try read("out").components(separatedBy: "\n")
        if lines.last?.isEmpty == true { lines.removeLast() }
        #expect(texts.count == 46)
        #expect(lines.count == 46)
        for (text, line) in zip(texts, lines) {
            let expected = line.split(separator: " ").compactMap { Int32($0) }
            let tokens = tokenizer.encode(text, addSpecialTokens: false)
            #expect(tokens == expected, "\(text.debugDescription)")
            #expect(Array(tokenizer.decode(tokens).utf8) == Array(text.utf8))
        }
        #expect(tokenizer.encode("a<|endoftext|>", addSpecialTokens: false).last == 50_256)
    }

    @Test("stories260K's reference text has the reference tokens")
    func stories() throws {
        let folder = try #require(SharedData.folder).appendingPathComponent("models/stories260K")
        let tokenizer = try Tokenizer.load(directory: folder.appendingPathComponent("hf").path)
        let reference = try JSONValue.parse(
            ReadableFile.contents(of: folder.appendingPathComponent("reference.json").path))
        let text = try #require(reference["text"]?.text)
        let expected = try #require(reference["token_ids"]?.array).compactMap { $0.int.map { Int32($0) } }
        #expect(tokenizer.encode(text, addSpecialTokens: true) == expected)
        #expect(tokenizer.decode(expected) == text)
        #expect(tokenizer.beginOfSequence == 1 && tokenizer.endOfSequence == 2)
        #expect(tokenizer.largestIdentifier == 511)
    }
}
