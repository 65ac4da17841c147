import Adapters
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

        /// A real model: SmolLM2, where `MURMUR_TEST_GGUF` names the file that `scripts/get-smollm2` fetches. Weights are held
        /// against the `gguf` package's own dequantisation, tokens against the library.
        @Test(
            .enabled(if: PEFTTests.python != nil && gguf != nil, "MURMUR_TEST_GGUF names no file, or no Python"),
            .timeLimit(.minutes(10)))
        func aQuantisedModelIsWhatItsOwnPackageReads() throws {
            let file = try #require(Self.gguf)
            let folder = try TemporaryFolder()
            try Self.run("check-gguf", ["--model", file, "--unpack", folder.path("unpacked")])
            let expected = try WeightsDirectory(path: folder.path("unpacked"))
            let weights = try GGUFCheckpoint(path: file).weights
            #expect(weights.tensorNames == expected.tensorNames && weights.tensorNames.count > 200)
            for name in expected.tensorNames {
                let values = try weights.floats(named: name)
                #expect(try values.map(\.bitPattern) == expected.floats(named: name).map(\.bitPattern), "\(name)")
            }
            try compare(
                try Tokenizer.load(directory: file),
                with: try cases(["--tokenizer", folder.path("unpacked/tokenizer.json"), "--count", "10000"]),
                name: "SmolLM2")
        }

        private static let gguf = ProcessInfo.processInfo.environment["MURMUR_TEST_GGUF"]

        /// Runs a script of the project with the interpreter that has the packages.
        private static func run(_ script: String, _ arguments: [String]) throws {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(PEFTTests.python))
            process.arguments =
                [SharedData.projectRoot.appendingPathComponent("scripts/\(script)").path] + arguments
            process.standardOutput = FileHandle.nullDevice
            try process.run()
            process.waitUntilExit()
            try #require(process.terminationStatus == 0, "\(script) failed")
        }

        /// What the `gguf` package reads of an adapter and of a merged model that were written here.
        @Test(.enabled(if: PEFTTests.python != nil, "MURMUR_PYTHON names no Python"), .timeLimit(.minutes(2)))
        func theGGUFPackageReadsWhatIsWrittenHere() throws {
            let fixtures = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures").path
            let shape = try ModelConfiguration.read(model: "\(fixtures)/llama-tied").shape
            let adapter = try PEFTDirectory.read("\(fixtures)/llama-tied/adapter") {
                .lora(configuration: $0, projections: shape.projections)
            }
            let folder = try TemporaryFolder()
            let paths = ["adapter", "merged"].map { folder.path("\($0).gguf") }
            try GGUFAdapter(adapter, base: "\(fixtures)/llama-tied").write(to: paths[0])
            _ = try GGUFMerge(base: "\(fixtures)/gguf/llama-tied.gguf", adapter: adapter, type: .q80)
                .write(to: paths[1])
            let program = """
                import sys
                try:
                    import gguf
                except ImportError:
                    sys.exit(3)
                for path in sys.argv[1:]:
                    for tensor in gguf.GGUFReader(path).tensors:
                        values = gguf.dequantize(tensor.data, tensor.tensor_type).astype("float64")
                        shape = "x".join(str(size) for size in reversed(tensor.shape))
                        print(tensor.name, shape, repr(float(values.sum())))
                """
            let process = Process()
            process.executableURL = URL(fileURLWithPath: try #require(PEFTTests.python))
            process.arguments = ["-c", program] + paths
            let pipe = Pipe()
            process.standardOutput = pipe
            try process.run()
            let output = String(decoding: pipe.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
            process.waitUntilExit()
            guard process.terminationStatus != 3 else {
                print("skipped: the interpreter has no gguf package")
                return
            }
            var lines: [String] = []
            for path in paths {
                let file = try GGUFFile.open(path: path)
                for entry in file.header.entries {
                    let sum = try file.floats(named: entry.name).reduce(0.0) { $0 + Double($1) }
                    lines.append("\(entry.name) \(entry.shape.map(String.init).joined(separator: "x")) \(sum)")
                }
            }
            let found = output.split(separator: "\n").map(String.init)
            #expect(found.count == lines.count && lines.count > 20)
            for (one, other) in zip(found, lines) {
                let (one, other) = (one.split(separator: " "), other.split(separator: " "))
                #expect(one[0] == other[0] && one[1] == other[1])
                let (sum, own) = (try #require(Double(one[2])), try #require(Double(other[2])))
                #expect(abs(sum - own) < 1e-6 * (1 + abs(own)), "\(one[0])")
            }
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
