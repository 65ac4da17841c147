import Adapters
import Basics
import Foundation
import LanguageModel
import LinearAlgebra
import Storage
import TestSupport
import Testing

/// Models in blocks of 256 values, which stay so in memory, beside the same values as 32-bit floats.
@Suite("GGUF models in K types") struct GGUFQuantisedTests {
    private static let tokens: [Int32] = [5, 40, 17, 3, 88, 62, 9, 71, 30, 4]

    /// Which types the tensors of a file have: llama.cpp's files mix two.
    struct Mix: Sendable, CustomTestStringConvertible {
        let usual: GGUFTensorType
        /// Of the embedding, of v and of the first layer's down projection.
        let finer: GGUFTensorType
        var testDescription: String { "\(usual.name) and \(finer.name)" }

        func type(of tensor: String) -> GGUFTensorType {
            ["token_embd.weight", "blk.0.attn_v.weight", "blk.1.attn_v.weight", "blk.0.ffn_down.weight"]
                .contains(tensor) ? finer : usual
        }
    }

    static let mixes = [
        Mix(usual: .q4K, finer: .q6K), Mix(usual: .q5K, finer: .q6K), Mix(usual: .q2K, finer: .q3K),
        Mix(usual: .q3K, finer: .q4K),
    ]

    /// Random blocks whose values are of about a weight's size.
    private func blocks(_ type: GGUFTensorType, count: Int, using generator: inout SeededGenerator) throws -> [UInt8] {
        let format = try #require(WeightBlocks.Format(rawValue: Int32(type.rawValue)))
        // The scale, and the minimum's by it: half of what the quanta reach to, so that values lie about zero.
        let (scale, minimum): (Float, Float) =
            switch type {
            case .q2K: (6e-3, 1.5)
            case .q3K: (1.5e-3, 0)
            case .q4K: (2.4e-4, 7.5)
            case .q5K: (1.2e-4, 15.5)
            default: (4.4e-5, 0)
            }
        var bytes = (0..<count / 256 * type.blockSize).map { _ in UInt8(generator.next() & 0xff) }
        for start in stride(from: 0, to: bytes.count, by: type.blockSize) {
            let own = scale * Float(1 + 0.2 * generator.normal())
            for (number, half) in zip([own, own * minimum], format.halves) {
                let bits = Float16(number).bitPattern
                bytes[start + half] = UInt8(bits & 0xff)
                bytes[start + half + 1] = UInt8(bits >> 8)
            }
        }
        return bytes
    }

    /// Writes a llama of two layers with a hidden size of 256.
    private func write(_ mix: Mix, to path: String) throws {
        let source = try GGUFFile.open(path: "\(GGUFCheckpointTests.fixtures)/gguf/llama-tied.gguf")
        let sizes = [
            "embedding_length": 256, "feed_forward_length": 512, "block_count": 2, "attention.head_count": 4,
            "attention.head_count_kv": 2, "attention.key_length": 64, "attention.value_length": 64,
            "rope.dimension_count": 64, "vocab_size": 96,
        ]
        var writer = GGUFWriter()
        try writer.copyPairs(of: source, except: Set(sizes.keys.map { "llama.\($0)" }))
        for (key, size) in sizes.sorted(by: { $0.key < $1.key }) { writer.set("llama.\(key)", UInt32(size)) }
        var generator = SeededGenerator(seed: 12)
        func add(_ name: String, _ rows: Int, _ columns: Int) throws {
            let type = mix.type(of: name)
            let bytes = try blocks(type, count: rows * columns, using: &generator)
            writer.add(name, shape: [rows, columns], type: type) { .bytes(bytes) }
        }
        func addNorm(_ name: String) {
            let values = (0..<256).map { _ in Float(1 + 0.1 * generator.normal()) }
            writer.add(name, shape: [256], type: .float32) { .values(values) }
        }
        try add("token_embd.weight", 96, 256)
        addNorm("output_norm.weight")
        for layer in 0..<2 {
            addNorm("blk.\(layer).attn_norm.weight")
            addNorm("blk.\(layer).ffn_norm.weight")
            for (name, rows, columns) in [
                ("attn_q", 256, 256), ("attn_k", 128, 256), ("attn_v", 128, 256), ("attn_output", 256, 256),
                ("ffn_gate", 512, 256), ("ffn_up", 512, 256), ("ffn_down", 256, 512),
            ] {
                try add("blk.\(layer).\(name).weight", rows, columns)
            }
        }
        try writer.write(to: path)
    }

    private func distance(_ found: [Float], _ expected: [Float]) -> Double {
        let difference = zip(found, expected).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }
        return (difference / expected.reduce(0.0) { $0 + Double($1 * $1) }).squareRoot()
    }

    @Test("Blocks train to the last bit as the same values do", arguments: mixes, ProductPrecision.allCases)
    func training(mix: Mix, precision: ProductPrecision) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("k.gguf")
        try write(mix, to: path)
        let weights = try GGUFCheckpoint(path: path).weights
        #expect(weights.blockFormat(of: "model.embed_tokens.weight")?.storage.rawValue == mix.finer.name.lowercased())
        let lora = LoRAConfiguration(rank: 4, alpha: 8, targets: [.query, .value, .down])
        let sequences = [TokenSequence(tokens: Self.tokens), TokenSequence(tokens: Self.tokens.reversed())]
        let results = try [nil, WeightStorage.float32].map { storage in
            let model = try BaseModel.load(directory: path, storage: storage)
            let engine = TrainingEngine(
                model: model, lora: lora, options: EngineOptions(precision: precision, threads: 2))
            let adapter = SeedAdapter.values(schema: engine.schema, seed: 1).map { $0 + 0.01 }
            return try engine.lossAndGradients(sequences: sequences, adapter: adapter)
        }
        #expect(results[0].lossSum == results[1].lossSum && results[0].gradients == results[1].gradients)
        #expect(results[0].lossSum.isFinite && results[0].gradients.contains { $0 != 0 })
    }

    /// Generation multiplies a row at a time, and blocks in another order than floats.
    @Test("Generation has the same tokens and nearly the same logits", arguments: mixes)
    func generation(mix: Mix) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("k.gguf")
        try write(mix, to: path)
        let results = try [nil, WeightStorage.float32].map { storage in
            let generator = TextGenerator(model: try BaseModel.load(directory: path, storage: storage))
            return try generator.generate(
                prompts: [Self.tokens, Array(Self.tokens.prefix(3)), [7]],
                options: GenerationOptions(maximumTokens: 24, stopTokens: []), sideBySide: 3)
        }
        #expect(results[0] == results[1] && results[0].allSatisfy { $0.count == 24 })
    }

    @Test("The plan counts the bits that blocks take", arguments: mixes) func memory(mix: Mix) throws {
        let folder = try TemporaryFolder()
        let path = folder.path("k.gguf")
        try write(mix, to: path)
        // llama.cpp's own sizes, and two small scales of six bits that lie in bytes.
        let bits: [GGUFTensorType: Double] = [.q2K: 2.625, .q3K: 3.5625, .q4K: 4.625, .q5K: 5.625, .q6K: 6.5625]
        let finer = 96 * 256 + 2 * 128 * 256 + 256 * 512
        let usual = 2 * (2 * 256 * 256 + 128 * 256 + 2 * 512 * 256) + 256 * 512
        let expected =
            Double(finer) * (bits[mix.finer] ?? 0) / 8 + Double(usual) * (bits[mix.usual] ?? 0) / 8 + 5 * 256 * 4
        let (shape, weights) = try BaseModel.weightMemory(directory: path, storage: nil)
        #expect(Double(weights.kept) == expected && weights.largest == 4 * 512 * 256)
        #expect(shape == (try BaseModel.load(directory: path)).configuration)
        let few = MemoryBudget(available: weights.total - 1, bound: "the test")
        let error = #expect(throws: ModelError.self) { try BaseModel.load(directory: path, memory: few) }
        #expect(error?.description.contains("the file's blocks") == true)
        _ = try BaseModel.load(directory: path, memory: MemoryBudget(available: weights.total, bound: "the test"))
    }
}
