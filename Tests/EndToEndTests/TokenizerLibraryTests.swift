import Foundation
import LanguageModel
import Storage
import TestSupport
import Testing

extension EndToEnd {
    /// Every tokenizer against the `tokenizers` library itself on thousands of strings and on Dolly whole. Runs where
    /// `MURMUR_PYTHON` names an interpreter with the library.
    @Suite struct TokenizerLibraryTests {
        struct Cases {
            let texts: [String]
            let ids: [[Int32]]
            let special: [[Int32]]
            let decoded: [String]
            let random: [[Int32]]
            let randomDecoded: [String]
            let megabytesASecond: Double

            init(_ folder: URL) throws {
                func strings(_ name: String) throws -> [String] {
                    let bytes = try ReadableFile.contents(of: folder.appendingPathComponent("\(name).json").path)
                    return try #require(JSONValue.parse(bytes).array).map { try #require($0.text) }
                }
                func numbers(_ name: String) throws -> [[Int32]] {
                    let bytes = try ReadableFile.contents(of: folder.appendingPathComponent("\(name).bin").path)
                    var words: [Int32] = []
                    words.reserveCapacity(bytes.count / 4)
                    for start in stride(from: 0, to: bytes.count, by: 4) {
                        words.append(Int32(bytes[start]) | Int32(bytes[start + 1]) << 8 | Int32(bytes[start + 2]) << 16)
                    }
                    var result: [[Int32]] = []
                    var position = 0
                    while position < words.count {
                        let end = position + 1 + Int(words[position])
                        result.append(Array(words[(position + 1)..<end]))
                        position = end
                    }
                    return result
                }
                texts = try strings("texts")
                ids = try numbers("ids")
                special = try numbers("special")
                decoded = try strings("decoded")
                random = try numbers("random")
                randomDecoded = try strings("random")
                let speed = try ReadableFile.contents(of: folder.appendingPathComponent("speed.json").path)
                megabytesASecond = try #require(JSONValue.parse(speed)["megabytes_a_second"]?.double)
            }
        }

        @Test(
            .enabled(if: PEFTTests.python != nil, "MURMUR_PYTHON names no Python with tokenizers"),
            .timeLimit(.minutes(5)),
            arguments: [
                "gpt2", "gpt2-prefixed", "smollm", "small-alphabet", "llama3", "qwen2", "llama2", "metaspace",
                "metaspace-unknown",
            ])
        func tenThousandStringsAgree(family: String) throws {
            let file = SharedData.projectRoot.appendingPathComponent(
                "Tests/Fixtures/tokenizer-\(family)/tokenizer.json")
            let tokenizer = try Tokenizer(json: try ReadableFile.contents(of: file.path))
            try compare(tokenizer, with: try cases(["--tokenizer", file.path, "--count", "10000"]), name: family)
        }

        @Test(
            .enabled(if: PEFTTests.python != nil && SharedData.isPresent, "no Python with tokenizers, or no Dolly"),
            .timeLimit(.minutes(5)), arguments: ["gpt2-published", "llama3", "qwen2", "llama2"])
        func dollyAgrees(family: String) throws {
            let shared = try #require(SharedData.folder)
            let fixture = SharedData.projectRoot.appendingPathComponent(
                "Tests/Fixtures/tokenizer-\(family)/tokenizer.json")
            let published = shared.appendingPathComponent("tokenizers/gpt2").path
            let isPublished = family == "gpt2-published"
            let tokenizer =
                isPublished
                ? try Tokenizer.load(directory: published)
                : try Tokenizer(json: try ReadableFile.contents(of: fixture.path))
            let dolly = shared.appendingPathComponent("dolly-15k/databricks-dolly-15k.jsonl").path
            let cases = try cases(["--tokenizer", isPublished ? published : fixture.path, "--dolly", dolly])
            #expect(cases.texts.count > 30_000)
            try compare(tokenizer, with: cases, name: "Dolly, \(family)")
        }

        private func compare(_ tokenizer: Tokenizer, with cases: Cases, name: String) throws {
            #expect(cases.ids.count == cases.texts.count && cases.random.count == cases.randomDecoded.count)
            var wrong: [String] = []
            let start = ContinuousClock.now
            let found = cases.texts.map { tokenizer.encode($0, addSpecialTokens: false) }
            let seconds = (ContinuousClock.now - start) / .seconds(1)
            for (index, text) in cases.texts.enumerated() where found[index] != cases.ids[index] {
                wrong.append("encode \(text.debugDescription): \(found[index]) for \(cases.ids[index])")
            }
            for (index, text) in cases.texts.enumerated()
            where tokenizer.encode(text, addSpecialTokens: true) != cases.special[index] {
                wrong.append("encode with special tokens \(text.debugDescription)")
            }
            for (ids, decoded) in zip(cases.ids, cases.decoded)
            where Array(tokenizer.decode(ids, skipsSpecialTokens: false).utf8) != Array(decoded.utf8) {
                wrong.append("decode \(ids): \(decoded.debugDescription)")
            }
            for (ids, decoded) in zip(cases.random, cases.randomDecoded)
            where Array(tokenizer.decode(ids, skipsSpecialTokens: true).utf8) != Array(decoded.utf8) {
                wrong.append(
                    "decode at random \(ids): \(tokenizer.decode(ids).debugDescription) for \(decoded.debugDescription)"
                )
            }
            #expect(wrong.isEmpty, "\(name): \(wrong.count) differ; \(wrong.prefix(5).joined(separator: "\n"))")
            let size = Double(cases.texts.reduce(0) { $0 + $1.utf8.count })
            print("\(name): \(size / seconds / 1e6) MB/s here, \(cases.megabytesASecond) MB/s in the library")
        }

        private func cases(_ arguments: [String]) throws -> Cases {
            let folder = try TemporaryFolder()
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(PEFTTests.python))
            let script = SharedData.projectRoot.appendingPathComponent("scripts/make-tokenizer-cases").path
            process.arguments = [script, "--out", folder.url.path] + arguments
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            return try Cases(folder.url)
        }
    }
}
