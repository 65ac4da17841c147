import Basics
import Foundation
import LanguageModel
import Storage
import TestSupport
import Testing

@Suite("Tokenizer properties") struct TokenizerPropertyTests {
    private static func json(_ family: String) throws -> [UInt8] {
        let file = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/tokenizer-\(family)/tokenizer.json")
        return try ReadableFile.contents(of: file.path)
    }

    /// Text of random scalars, from short ranges often, so that runs of one kind appear.
    private static func text(using generator: inout SeededGenerator) -> String {
        let ranges: [ClosedRange<UInt32>] = [
            0...0x7f, 0x20...0x20, 0x09...0x0d, 0x30...0x39, 0x61...0x7a, 0x80...0x24f, 0x300...0x36f, 0x400...0x4ff,
            0x600...0x6ff, 0x2000...0x206f, 0x3040...0x30ff, 0x4e00...0x9fff, 0x1f300...0x1f9ff, 0...0x10ffff,
        ]
        var scalars = String.UnicodeScalarView()
        for _ in 0..<Int.random(in: 0...12, using: &generator) {
            let range = ranges[Int.random(in: 0..<ranges.count, using: &generator)]
            for _ in 0..<Int.random(in: 1...4, using: &generator) {
                if let scalar = Unicode.Scalar(UInt32.random(in: range, using: &generator)) { scalars.append(scalar) }
            }
        }
        return String(scalars)
    }

    @Test("Byte-level tokens decode to the very bytes", arguments: ["gpt2", "smollm", "llama3"])
    func roundTrip(family: String) throws {
        let tokenizer = try Tokenizer(json: Self.json(family))
        var generator = SeededGenerator(seed: 5, label: family)
        for _ in 0..<3_000 {
            let text = Self.text(using: &generator)
            let tokens = tokenizer.encode(text, addSpecialTokens: false)
            let decoded = tokenizer.decode(tokens, skipsSpecialTokens: false)
            #expect(Array(decoded.utf8) == Array(text.utf8))
            #expect(tokens.allSatisfy { (0...tokenizer.largestIdentifier).contains($0) })
        }
    }

    @Test("Composition keeps characters beyond the basic plane, and composes what does compose there")
    func composition() throws {
        let tokenizer = try Tokenizer(json: Self.json("qwen2"))
        func composed(_ text: String) -> [Unicode.Scalar] {
            Array(tokenizer.decode(tokenizer.encode(text, addSpecialTokens: false)).unicodeScalars)
        }
        // Foundation alone makes U+04EC of these, which is a Cyrillic letter with a diaeresis.
        #expect(composed("\u{1042D}\u{308}") == ["\u{1042D}", "\u{308}"])
        #expect(composed("\u{10113}\u{301}e\u{301}") == ["\u{10113}", "\u{301}", "\u{e9}"])
        #expect(composed("\u{11131}\u{11127}x") == ["\u{1112E}", "x"])
        #expect(composed("\u{1D15E}") == ["\u{1D157}", "\u{1D165}"], "an exception that stays apart")
        #expect(composed("\u{1F600}o\u{323}\u{302}") == ["\u{1F600}", "\u{1ED9}"])
        #expect(composed("\u{308}\u{1F600}") == ["\u{308}", "\u{1F600}"])
    }

    @Test("Marks in any order become the same text, however many there are")
    func manyMarks() throws {
        let tokenizer = try Tokenizer(json: Self.json("qwen2"))
        func composed(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            return Array(tokenizer.decode(tokenizer.encode(String(text), addSpecialTokens: false)).unicodeScalars)
        }
        // The time for each of these grew with the square of their length: minutes for so many.
        let count = 100_000
        let marks = (0..<count).map { $0 % 2 == 0 ? "\u{301}" : "\u{316}" as Unicode.Scalar }
        let below = [Unicode.Scalar](repeating: "\u{316}", count: count / 2)
        let above = [Unicode.Scalar](repeating: "\u{301}", count: count / 2 - 1)
        #expect(composed(["e"] + marks) == ["\u{e9}"] + below + above)
        #expect(composed(["\u{e9}", "\u{316}"] + marks.dropFirst().dropLast()) == ["\u{e9}"] + below + above)
        // Tibetan vowels are no marks and become two of them each.
        let vowels = [Unicode.Scalar](repeating: "\u{0f73}", count: 20_000)
        let parts = [0x0f71, 0x0f72].flatMap { [Unicode.Scalar](repeating: Unicode.Scalar(UInt16($0))!, count: 20_000) }
        #expect(composed(["\u{0f40}"] + vowels) == ["\u{0f40}"] + parts)
        // Foundation takes such a vowel for a letter, and leaves the marks around it as they stand.
        let mixed: [Unicode.Scalar] = ["a", "\u{0f73}", "\u{0f73}", "\u{302}", "\u{0f71}"]
        #expect(composed(mixed) == ["\u{e2}", "\u{0f71}", "\u{0f71}", "\u{0f71}", "\u{0f72}", "\u{0f72}"])
        // As Foundation alone, where that has no fault.
        var generator = SeededGenerator(seed: 12)
        let pool: [Unicode.Scalar] = [
            "a", "o", "\u{f4}", "\u{1ea1}", "\u{301}", "\u{302}", "\u{316}", "\u{323}", "\u{345}", "\u{344}",
            "\u{0f71}", "\u{0f40}", "\u{1100}", "\u{1161}", "\u{ac00}", "\u{11a8}",
        ]
        for _ in 0..<2_000 {
            let scalars = (0..<Int.random(in: 1...12, using: &generator)).map { _ in
                pool[Int.random(in: 0..<pool.count, using: &generator)]
            }
            var text = String.UnicodeScalarView()
            text.append(contentsOf: scalars)
            let expected = Array(String(text).precomposedStringWithCanonicalMapping.unicodeScalars)
            #expect(composed(scalars) == expected, "\(scalars)")
        }
    }

    @Test("SentencePiece tokens with byte fallback decode to the text")
    func fallbackRoundTrip() throws {
        let tokenizer = try Tokenizer(json: Self.json("llama2"))
        var generator = SeededGenerator(seed: 6)
        for _ in 0..<3_000 {
            // A metaspace in the text comes back as a space: that is how SentencePiece writes them.
            let text = Self.text(using: &generator).replacingOccurrences(of: "\u{2581}", with: " ")
            let decoded = tokenizer.decode(tokenizer.encode(text, addSpecialTokens: true))
            #expect(Array(decoded.utf8) == Array(text.utf8))
        }
    }

    @Test("A word of a megabyte takes no quadratic time, and many texts agree with their parts")
    func longWord() throws {
        let tokenizer = try Tokenizer(json: Self.json("llama2"))
        let text = String(repeating: "the flock of starlings ", count: 40_000)
        let tokens = tokenizer.encode(text, addSpecialTokens: false)
        #expect(tokenizer.decode(tokens) == text)
    }

    @Test("Tokens without entry, and strange numbers, decode to nothing")
    func unknownNumbers() throws {
        let tokenizer = try Tokenizer(json: Self.json("gpt2"))
        #expect(tokenizer.decode([-1, 100_000, .max, .min]).isEmpty)
        #expect(tokenizer.spelling(of: 100_000) == nil)
    }

    @Test(
        "Parts that are not supported are refused by name",
        arguments: [
            (#""normalizer":{"type":"BertNormalizer"}"#, "BertNormalizer"),
            (
                #""normalizer":{"type":"Replace","pattern":{"Regex":"a"},"content":"b"}"#,
                "Replace by a regular expression"
            ),
            (
                #""normalizer":{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaaaa"}"#,
                "Replace by a text more than four times as long"
            ),
            (#""pre_tokenizer":{"type":"Whitespace"}"#, "Whitespace"),
            (#""pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Punctuation"}]}"#, "Punctuation"),
            (#""pre_tokenizer":{"type":"Split","pattern":{"Regex":"\\d"},"behavior":"Isolated"}"#, #"\d"#),
            (#""post_processor":{"type":"BertProcessing"}"#, "BertProcessing"),
            (#""decoder":{"type":"WordPiece"}"#, "WordPiece"),
            (#""model":{"type":"WordPiece","vocab":{},"merges":[]}"#, "WordPiece"),
            (#""model":{"type":"BPE","vocab":{},"merges":[],"end_of_word_suffix":"</w>"}"#, "end_of_word_suffix"),
            (#""model":{"type":"BPE","vocab":{},"merges":[],"dropout":0.1}"#, "dropout"),
            (#""model":{"vocab":{"a":0},"merges":["a b"]}"#, "the merge a b"),
            (#""model":{"vocab":{"a":0,"b":0},"merges":[]}"#, "two tokens"),
            (#""model":{"vocab":{"a":-1},"merges":[]}"#, "whole number from zero"),
            (#""model":{"vocab":{"a":0},"merges":[],"unk_token":"u"}"#, "unk_token"),
            (#""added_tokens":[{"id":0,"content":"x","single_word":true}]"#, "single_word"),
            (#""added_tokens":[{"id":0,"content":""}]"#, "empty"),
            (#""post_processor":{"type":"TemplateProcessing","single":[],"special_tokens":{}}"#, "once"),
        ])
    func unsupported(part: String, name: String) {
        let model = part.hasPrefix("\"model\"") ? "" : #","model":{"type":"BPE","vocab":{"a":0},"merges":[]}"#
        let error = #expect(throws: TokenizerError.self) { _ = try Tokenizer(json: Array("{\(part)\(model)}".utf8)) }
        #expect(error?.description.contains(name) == true, "\(error?.description ?? "")")
    }

    @Test("A folder without tokenizer says what is missing")
    func missing() throws {
        let folder = try TemporaryFolder()
        let path = folder.url.path
        #expect(throws: TokenizerError.notFound(folder: path)) { _ = try Tokenizer.load(directory: path) }
    }

    @Test("A changed tokenizer.json never traps, nor do the tokenizers that it still makes")
    func mutations() throws {
        // Small documents, so that most changes hit structure.
        let documents = [
            #"{"added_tokens":[{"id":3,"content":"<s>","special":true,"lstrip":true,"rstrip":true,"normalized":false}],"#
                + #""normalizer":{"type":"Sequence","normalizers":[{"type":"Prepend","prepend":"▁"},{"type":"Replace","#
                + #""pattern":{"String":" "},"content":"▁"}]},"pre_tokenizer":null,"post_processor":{"type":"#
                + #""TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}},{"Sequence":{"id":"A"}}],"special_tokens":"#
                + #"{"<s>":{"ids":[3]}}},"decoder":{"type":"Sequence","decoders":[{"type":"Replace","pattern":{"String":"#
                + #""▁"},"content":" "},{"type":"ByteFallback"},{"type":"Fuse"},{"type":"Strip","content":" ","start":1,"#
                + #""stop":0}]},"model":{"type":"BPE","unk_token":"u","fuse_unk":true,"byte_fallback":true,"vocab":"#
                + #"{"a":0,"b":1,"ab":2,"▁":4,"▁a":5,"u":6,"<0x41>":7},"merges":["a b",["▁","a"]]}}"#,
            #"{"pre_tokenizer":{"type":"Sequence","pretokenizers":[{"type":"Digits","individual_digits":true},"#
                + #"{"type":"ByteLevel","add_prefix_space":false,"use_regex":true},{"type":"Metaspace","replacement":"▁","#
                + #""prepend_scheme":"first","split":true}]},"decoder":{"type":"ByteLevel"},"model":{"type":"BPE","vocab":"#
                + #"{"a":0,"b":1,"ab":2,"Ġ":4,"Ġa":5,"u":6,"1":7},"merges":["a b","Ġ a"],"ignore_merges":true}}"#,
        ].map { Array($0.utf8) }
        var generator = SeededGenerator(seed: 8)
        var accepted = 0
        for round in 0..<10_000 {
            let bytes = Mutation.apply(to: documents[round % 2], using: &generator)
            guard let tokenizer = try? Tokenizer(json: bytes) else { continue }
            accepted += 1
            let tokens = tokenizer.encode("ab a  <s> 12Aé▁", addSpecialTokens: true)
            _ = tokenizer.decode(tokens)
            _ = tokenizer.decode(tokens, skipsSpecialTokens: false)
        }
        #expect(accepted > 100)
    }
}
