import Adapters
import Foundation
import LanguageModel
import Storage
import TestSupport
import Testing

/// A merged checkpoint against base and adapter. What transformers makes of one is checked with the other real programs.
@Suite struct AdapterMergeTests {
    private static let tokens: [Int32] = [5, 40, 17, 3, 88, 62, 9, 71, 30, 4]

    private func fixture(_ name: String) -> String {
        SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/\(name)").path
    }

    @Test(arguments: ["llama-grouped", "llama-tied", "qwen2-bias", "qwen3", "phi3", "lora-patterns", "lora-suffixes"])
    func theMergedModelHasTheLogitsOfBaseAndAdapter(name: String) throws {
        let base = fixture(name)
        let model = try BaseModel.load(directory: base)
        let adapter = try PEFTDirectory.read("\(base)/adapter") { model.adapterSchema($0) }
        let folder = try TemporaryFolder()
        let count = try AdapterMerge(base: base, adapter: adapter).write(
            to: folder.path("merged"), shape: model.configuration)
        #expect(count == adapter.schema.tensors.count / 2)
        let expected = try TrainingEngine(model: model, lora: adapter.configuration, trains: false)
            .lastLogits(tokens: Self.tokens, adapter: adapter.values)
        let plain = try TrainingEngine(model: model, lora: nil).lastLogits(tokens: Self.tokens)
        let merged = try BaseModel.load(directory: folder.path("merged"))
        let found = try TrainingEngine(model: merged, lora: nil).lastLogits(tokens: Self.tokens)
        #expect(distance(found, expected) < 1e-5)
        #expect(distance(plain, expected) > 1e-2, "the adapter changes something")
    }

    @Test func shardsAndTypesStayOrChangeAsAsked() throws {
        let base = fixture("qwen3")
        let folder = try TemporaryFolder()
        let weights = try WeightsDirectory(path: base)
        // The base as two shards of bfloat16.
        var writers = [SafetensorsWriter(), SafetensorsWriter()]
        var map: [(String, JSONValue)] = []
        for (number, name) in weights.tensorNames.enumerated() {
            writers[number % 2].add(
                name, shape: try #require(weights.shape(of: name)), values: try weights.floats(named: name)[...],
                encoding: .bfloat16)
            map.append((name, .text("part-\(number % 2).safetensors")))
        }
        try AtomicFile.createFolder(folder.path("base"))
        for (number, writer) in writers.enumerated() {
            try writer.write(to: folder.path("base/part-\(number).safetensors"))
        }
        let index = JSONValue.object(JSONObject([("weight_map", .object(JSONObject(map)))]))
        try AtomicFile.write(index.encoded(), to: folder.path("base/model.safetensors.index.json"))
        try AtomicFile.write(try ReadableFile.contents(of: "\(base)/config.json"), to: folder.path("base/config.json"))

        let shape = try ModelConfiguration.read(directory: base)
        let adapter = try PEFTDirectory.read("\(base)/adapter")
        _ = try AdapterMerge(base: folder.path("base"), adapter: adapter).write(to: folder.path("same"), shape: shape)
        let same = try WeightsDirectory(path: folder.path("same"))
        #expect(same.files.count == 2 && same.tensorNames == weights.tensorNames)
        #expect(same.tensorNames.allSatisfy { same.type(of: $0) == "BF16" })

        _ = try AdapterMerge(base: folder.path("base"), adapter: adapter, encoding: .float32)
            .write(to: folder.path("wide"), shape: shape)
        let wide = try WeightsDirectory(path: folder.path("wide"))
        #expect(wide.tensorNames.allSatisfy { wide.type(of: $0) == "F32" })
        let text = String(decoding: try ReadableFile.contents(of: folder.path("wide/config.json")), as: UTF8.self)
        #expect(text.contains(#""torch_dtype": "float32""#))
        #expect(throws: ModelError.self, "a folder with a model is not written over") {
            try AdapterMerge(base: folder.path("base"), adapter: adapter).write(to: folder.path("wide"), shape: shape)
        }
    }

    /// A copy of the fixture called `name` in `folder`, with one value of `tensor` replaced.
    private func copy(of name: String, to folder: String, changing tensor: String, to value: Float) throws {
        let weights = try WeightsDirectory(path: fixture(name))
        var writer = SafetensorsWriter(refusesNotFinite: false)
        for name in weights.tensorNames {
            var values = try weights.floats(named: name)
            if name == tensor { values[1] = value }
            writer.add(name, shape: try #require(weights.shape(of: name)), values: values[...])
        }
        try AtomicFile.createFolder(folder)
        try writer.write(to: "\(folder)/model.safetensors")
        try AtomicFile.write(
            try ReadableFile.contents(of: "\(fixture(name))/config.json"), to: "\(folder)/config.json")
    }

    @Test(arguments: ["model.norm.weight", "model.layers.0.mlp.down_proj.weight", "model.embed_tokens.weight"])
    func weightsThatAreNotFiniteAreRefusedByTensorAndFile(tensor: String) throws {
        let folder = try TemporaryFolder()
        let base = folder.path("base")
        try copy(of: "llama-grouped", to: base, changing: tensor, to: .nan)
        let shape = try ModelConfiguration.read(directory: base)
        let adapter = try PEFTDirectory.read("\(fixture("llama-grouped"))/adapter")
        let merge = AdapterMerge(base: base, adapter: adapter)
        for error in [
            #expect(throws: ModelError.self) { _ = try BaseModel.load(directory: base) },
            #expect(throws: ModelError.self) { _ = try merge.write(to: folder.path("out"), shape: shape) },
        ] {
            let text = error?.description ?? ""
            #expect(text.contains("base/model.safetensors: the weight \(tensor): 1 of its"), "\(text)")
            #expect(text.contains("(nan)"), "\(text)")
        }
        #expect(throws: (any Error).self) { _ = try ReadableFile(path: folder.path("out/config.json")) }
    }

    @Test func aWeightThatItsTypeMakesInfiniteIsRefused() throws {
        let folder = try TemporaryFolder()
        let base = folder.path("base")
        try copy(of: "llama-grouped", to: base, changing: "model.layers.0.mlp.down_proj.weight", to: 1e5)
        let shape = try ModelConfiguration.read(directory: base)
        let adapter = try PEFTDirectory.read("\(fixture("llama-grouped"))/adapter")
        func merge(_ encoding: FloatEncoding, to name: String) throws -> Int {
            try AdapterMerge(base: base, adapter: adapter, encoding: encoding)
                .write(to: folder.path(name), shape: shape)
        }
        let error = #expect(throws: SafetensorsError.self) { _ = try merge(.float16, to: "half") }
        #expect(error?.description.contains("down_proj.weight") == true)
        #expect(try merge(.bfloat16, to: "brain") > 0)
        // Finite weights that overflow in the model are told where it computes, not answered with nothing.
        let weights = try WeightsDirectory(path: fixture("llama-grouped"))
        var writer = SafetensorsWriter()
        for name in weights.tensorNames {
            var values = try weights.floats(named: name)
            if name == "model.norm.weight" { values = values.map { _ in 3e38 } }
            writer.add(name, shape: try #require(weights.shape(of: name)), values: values[...])
        }
        try writer.write(to: "\(base)/model.safetensors")
        let model = try BaseModel.load(directory: base)
        #expect(throws: EngineError.self) {
            _ = try TextGenerator(model: model).generate(
                prompt: Self.tokens, options: GenerationOptions(maximumTokens: 4, stopTokens: []))
        }
        let sequence = TokenSequence(tokens: Self.tokens, lossMask: Self.tokens.map { _ in true })
        #expect(throws: EngineError.self) {
            _ = try TrainingEngine(model: model, lora: nil).evaluate(sequences: [sequence])
        }
    }

    private func distance(_ left: [Float], _ right: [Float]) -> Double {
        var difference = 0.0
        var norm = 0.0
        for (a, b) in zip(left, right) {
            difference += Double(a - b) * Double(a - b)
            norm += Double(b) * Double(b)
        }
        return (difference / norm).squareRoot()
    }
}
