import Foundation
import LanguageModel
import LinearAlgebra
import Storage
import TestSupport
import Testing

/// Models and tokenizers as GGUF beside the same in Hugging Face's form; scripts/make-gguf-fixture wrote the files.
@Suite("GGUF models") struct GGUFCheckpointTests {
    static let fixtures = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures").path
    static let models = ["llama-tied", "llama3-scaling", "qwen2-bias", "qwen3", "phi3-long"]

    @Test("Every weight and the shape are those of the Hugging Face form", arguments: models)
    func weights(name: String) throws {
        let path = "\(Self.fixtures)/gguf/\(name).gguf"
        let model = try BaseModel.load(directory: path)
        var expected = try BaseModel.load(directory: "\(Self.fixtures)/\(name)").configuration
        // The file says how many bits of a rotary scaling there are, not where they come from.
        #expect(
            model.configuration.ropeScaling.magnitude.isNear(expected.ropeScaling.magnitude, within: 1e-6))
        for length in [4, 100] {
            for (one, other) in zip(
                model.configuration.ropeScaling.frequencies(
                    base: expected.ropeBase, headSize: expected.headSize, length: length),
                expected.ropeScaling.frequencies(base: expected.ropeBase, headSize: expected.headSize, length: length))
            {
                #expect(one.isNear(other, within: 1e-6))
            }
        }
        expected.ropeScaling = model.configuration.ropeScaling
        #expect(model.configuration == expected)
        let weights = try GGUFCheckpoint(path: path).weights
        let directory = try WeightsDirectory(path: "\(Self.fixtures)/\(name)")
        for name in directory.tensorNames {
            #expect(weights.shape(of: name) == directory.shape(of: name), "\(name)")
            #expect(try weights.floats(named: name) == directory.floats(named: name), "\(name)")
        }
        #expect(
            weights.tensorNames.filter { $0.hasPrefix("model.") || $0.hasPrefix("lm_head") } == directory.tensorNames)
    }

    @Test("Matrices keep blocks with every value exact", arguments: WeightBlocks.Format.allCases)
    func blocks(format: WeightBlocks.Format) throws {
        let file = try GGUFFile.open(path: "\(Self.fixtures)/gguf/every-type.gguf")
        let type = try #require(GGUFTensorType(rawValue: UInt32(format.rawValue)))
        #expect(type.blockSize == format.blockSize && type.blockLength == format.blockLength)
        let entry = try #require(file.header.entry(named: type.name))
        let blocks = WeightBlocks(format: format, bytes: try file.blocks(named: type.name))
        #expect(blocks.isFinite && blocks.count == entry.count)
        let matrix = try FrozenMatrix(
            columns: entry.shape[1], layout: [(entry.shape[0], format.storage)], makingParts: [{ .blocks(blocks) }])
        #expect(matrix.values == (try file.floats(named: type.name)))
        for half in format.halves {
            var bytes = blocks.bytes
            (bytes[half], bytes[half + 1]) = (0, 0x7c)
            #expect(!WeightBlocks(format: format, bytes: bytes).isFinite)
        }
    }

    @Test("Byte-level tokenizers have the library's tokens", arguments: ["gpt2", "smollm", "llama3", "qwen2"])
    func byteLevel(family: String) throws {
        let tokenizer = try Tokenizer.load(directory: "\(Self.fixtures)/gguf/tokenizer-\(family).gguf")
        let document = try JSONValue.parse(
            ReadableFile.contents(of: "\(Self.fixtures)/tokenizer-\(family)/expected.json"))
        for example in try #require(document.array) {
            let text = try #require(example["text"]?.text)
            let expected = try #require(example["special"]?.array?.map { Int32($0.int ?? -1) })
            #expect(tokenizer.encode(text, addSpecialTokens: true) == expected, "\(text.debugDescription.prefix(100))")
            let decoded = try #require(example["decoded"]?.bytes)
            #expect(Array(tokenizer.decode(expected).utf8) == decoded)
        }
    }

    @Test("SentencePiece's scores lead to SentencePiece's tokens") func sentencePiece() throws {
        let tokenizer = try Tokenizer.load(directory: "\(Self.fixtures)/gguf/tokenizer-sentencepiece.gguf")
        let document = try JSONValue.parse(
            ReadableFile.contents(of: "\(Self.fixtures)/gguf/tokenizer-sentencepiece.json"))
        let examples = try #require(document.array)
        #expect(examples.count > 100)
        for example in examples {
            let text = try #require(example["text"]?.text)
            let expected = try #require(example["ids"]?.array?.map { Int32($0.int ?? -1) })
            #expect(tokenizer.encode(text, addSpecialTokens: false) == expected, "\(text.debugDescription.prefix(100))")
            #expect(tokenizer.encode(text, addSpecialTokens: true).dropFirst() == expected[...])
            // A text that has the sign for spaces itself reads back with spaces.
            let spaced = text.replacing("▁", with: " ")
            #expect(Array(tokenizer.decode(expected).utf8) == Array(spaced.utf8))
        }
        #expect(tokenizer.beginOfSequence == 1)
        #expect(tokenizer.endOfSequence == 2)
    }

    @Test("Halves come apart") func halves() {
        let rows: [Float] = [0, 0, 2, 2, 1, 1, 3, 3, 10, 10, 12, 12, 11, 11, 13, 13]
        #expect(
            GGUFWeights.halvesApart(rows, rows: 8, headSize: 4)
                == [0, 0, 1, 1, 2, 2, 3, 3, 10, 10, 11, 11, 12, 12, 13, 13])
    }

    /// The bytes of a fixture with one text replaced by another of the same length.
    private func altered(
        _ name: String, _ text: String, by other: String, in folder: borrowing TemporaryFolder
    ) throws
        -> String
    {
        precondition(text.utf8.count == other.utf8.count, "the layout stays")
        var bytes = try ReadableFile.contents(of: "\(Self.fixtures)/gguf/\(name).gguf")
        let pattern = Array(text.utf8)
        let place = try #require(bytes.indices.first { bytes[$0...].starts(with: pattern) })
        bytes.replaceSubrange(place..<place + pattern.count, with: Array(other.utf8))
        let path = folder.path("altered.gguf")
        try Data(bytes).write(to: URL(fileURLWithPath: path))
        return path
    }

    @Test("What is not computed is refused by name") func refusals() throws {
        let folder = try TemporaryFolder()
        for (model, text, other, word) in [
            (
                "qwen2-bias", "architecture\u{8}\0\0\0\u{5}\0\0\0\0\0\0\0qwen2",
                "architecture\u{8}\0\0\0\u{5}\0\0\0\0\0\0\0gemma", "gemma"
            ),
            ("qwen2-bias", "attention.head_count_kv", "attention.head_count_kw", "k_proj"),
            ("llama-tied", "block_count", "block_kount", "llama.block_count is missing"),
            ("llama-tied", "blk.0.ffn_up.weight", "blk.0.ffn_xy.weight", "ffn_xy"),
            ("llama-tied", "blk.1.ffn_up.weight", "blk.9.ffn_up.weight", "layers.9"),
        ] {
            let path = try altered(model, text, by: other, in: folder)
            let error = #expect(throws: (any Error).self) { try BaseModel.load(directory: path) }
            #expect("\(try #require(error))".contains(word), "\(String(describing: error))")
        }
        let path = try altered("tokenizer-smollm", "smollm", by: "tekken", in: folder)
        let error = #expect(throws: TokenizerError.self) { try Tokenizer.load(directory: path) }
        #expect(error?.description.contains("tekken") == true)
    }
}

extension Double {
    fileprivate func isNear(_ other: Double, within share: Double) -> Bool {
        abs(self - other) <= share * max(abs(self), abs(other))
    }
}
