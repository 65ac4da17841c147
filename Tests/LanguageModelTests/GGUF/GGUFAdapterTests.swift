import Adapters
import Foundation
import LanguageModel
import LinearAlgebra
import Storage
import TestSupport
import Testing

/// Adapters and merged models as GGUF, read back and held against the same in Hugging Face's form.
@Suite("GGUF adapters") struct GGUFAdapterTests {
    private static let tokens: [Int32] = [5, 40, 17, 3, 88, 62, 9, 71, 30, 4]
    static let adapted = [
        "llama-tied", "llama-grouped", "qwen2-bias", "qwen3", "phi3", "lora-patterns", "lora-suffixes",
    ]

    private func fixture(_ name: String) -> String { "\(GGUFCheckpointTests.fixtures)/\(name)" }

    private func adapter(_ name: String) throws -> PEFTAdapter {
        let shape = try ModelConfiguration.read(model: fixture(name)).shape
        return try PEFTDirectory.read("\(fixture(name))/adapter") {
            .lora(configuration: $0, projections: shape.projections)
        }
    }

    /// scale · B A, row-major.
    private func product(_ b: [Float], _ a: [Float], rank: Int, scale: Double) -> [Double] {
        let columns = a.count / rank
        return (0..<b.count / rank).flatMap { row in
            (0..<columns).map { column in
                scale * (0..<rank).reduce(0.0) { $0 + Double(b[row * rank + $1]) * Double(a[$1 * columns + column]) }
            }
        }
    }

    @Test("One alpha by the rank gives every module's product", arguments: adapted)
    func adapterFile(name: String) throws {
        let (shape, family) = try ModelConfiguration.read(model: fixture(name))
        let adapter = try adapter(name)
        let folder = try TemporaryFolder()
        let path = folder.path("adapter.gguf")
        let exported = try GGUFAdapter(adapter, base: fixture(name))
        try exported.write(to: path)
        let file = try GGUFFile.open(path: path)
        #expect(file.header["general.type"]?.text == "adapter" && file.header["adapter.type"]?.text == "lora")
        #expect(file.header["general.architecture"]?.text == family.modelType)
        let alpha = try #require(file.header["adapter.lora.alpha"]?.number)
        #expect(file.header.entries.count == 2 * exported.projections.count)
        for projection in exported.projections {
            let module = [
                "q_proj": "attn_q", "k_proj": "attn_k", "v_proj": "attn_v", "o_proj": "attn_output",
                "gate_proj": "ffn_gate", "up_proj": "ffn_up", "down_proj": "ffn_down", "qkv_proj": "attn_qkv",
                "gate_up_proj": "ffn_up",
            ][projection.target.rawValue]
            let tensor = "blk.\(projection.layer).\(try #require(module)).weight"
            let rank = adapter.configuration.rank(of: projection)
            #expect(file.header.entry(named: "\(tensor).lora_a")?.shape == [rank, projection.inputSize])
            #expect(file.header.entry(named: "\(tensor).lora_b")?.shape == [projection.outputSize, rank])
            var found = product(
                try file.floats(named: "\(tensor).lora_b"), try file.floats(named: "\(tensor).lora_a"), rank: rank,
                scale: alpha / Double(rank))
            if family == .llama, [.query, .key].contains(projection.target) {
                found = GGUFWeights.halvesApart(found, rows: projection.outputSize, headSize: shape.headSize)
            }
            let expected = product(
                adapter.factor(projection.nameOfB), adapter.factor(projection.nameOfA), rank: rank,
                scale: adapter.configuration.scaling(of: projection))
            for (one, other) in zip(found, expected) { #expect(abs(one - other) <= 1e-6 * (1 + abs(other))) }
        }
    }

    @Test("The plain form says the same without patterns", arguments: adapted)
    func plain(name: String) throws {
        let model = try BaseModel.load(directory: fixture(name))
        let adapter = try adapter(name)
        let plain = adapter.plain(projections: model.projections)
        let folder = try TemporaryFolder()
        try PEFTDirectory.write(plain, to: folder.path("plain"))
        let read = try PEFTDirectory.read(folder.path("plain")) { model.adapterSchema($0) }
        let configuration = read.configuration
        #expect(!configuration.isRankStabilised)
        #expect(configuration.rankExceptions.isEmpty && configuration.alphaExceptions.isEmpty)
        let expected = try TrainingEngine(model: model, lora: adapter.configuration, trains: false)
            .lastLogits(tokens: Self.tokens, adapter: adapter.values)
        let found = try TrainingEngine(model: model, lora: configuration, trains: false)
            .lastLogits(tokens: Self.tokens, adapter: read.values)
        #expect(distance(found, expected) < 1e-5)
    }

    @Test("The merged file has the logits of base and adapter", arguments: ["llama-tied", "qwen2-bias", "qwen3"])
    func merged(name: String) throws {
        let base = fixture("gguf/\(name).gguf")
        let model = try BaseModel.load(directory: base)
        let adapter = try adapter(name)
        let expected = try TrainingEngine(model: model, lora: adapter.configuration, trains: false)
            .lastLogits(tokens: Self.tokens, adapter: adapter.values)
        let folder = try TemporaryFolder()
        let limits: [(GGUFTensorType, Double)] = [(.float32, 1e-5), (.float16, 5e-3), (.q80, 5e-2)]
        for (type, limit) in limits {
            let path = folder.path("\(type.name).gguf")
            let count = try GGUFMerge(base: base, adapter: adapter, type: type).write(to: path)
            #expect(count == adapter.schema.tensors.count / 2)
            let found = try TrainingEngine(model: try BaseModel.load(directory: path), lora: nil)
                .lastLogits(tokens: Self.tokens)
            #expect(distance(found, expected) < limit, "\(type.name)")
            let keys = try GGUFFile.open(path: path).header.keys.filter { $0 != "general.file_type" }
            #expect(keys == (try GGUFFile.open(path: base).header.keys.filter { $0 != "general.file_type" }))
        }
    }

    /// The panels that products are made of have the same values, whatever these are unpacked from.
    @Test("Blocks train to the last bit as the same values do", arguments: ProductPrecision.allCases, [1, 2])
    func training(precision: ProductPrecision, threads: Int) throws {
        let folder = try TemporaryFolder()
        let adapter = try adapter("llama-tied")
        let path = folder.path("blocks.gguf")
        _ = try GGUFMerge(base: fixture("gguf/llama-tied.gguf"), adapter: adapter, type: .q80).write(to: path)
        #expect(try GGUFCheckpoint(path: path).weights.blockFormat(of: "model.embed_tokens.weight") == .q80)
        let sequences = [TokenSequence(tokens: Self.tokens), TokenSequence(tokens: Self.tokens.reversed())]
        let results = try [nil, WeightStorage.float32].map { storage in
            let model = try BaseModel.load(directory: path, storage: storage)
            return try TrainingEngine(
                model: model, lora: adapter.configuration,
                options: EngineOptions(precision: precision, threads: threads)
            ).lossAndGradients(sequences: sequences, adapter: adapter.values)
        }
        #expect(results[0].lossSum == results[1].lossSum && results[0].gradients == results[1].gradients)
        #expect(results[0].gradients.contains { $0 != 0 })
        // Generation multiplies by blocks in another order.
        let tokens = try [nil, WeightStorage.float32].map { storage in
            try TextGenerator(model: try BaseModel.load(directory: path, storage: storage)).generate(
                prompt: Self.tokens, options: GenerationOptions(maximumTokens: 12, stopTokens: []))
        }
        #expect(tokens[0] == tokens[1])
    }

    private func distance(_ found: [Float], _ expected: [Float]) -> Double {
        let difference = zip(found, expected).reduce(0.0) { $0 + Double(($1.0 - $1.1) * ($1.0 - $1.1)) }
        return (difference / expected.reduce(0.0) { $0 + Double($1 * $1) }).squareRoot()
    }
}
