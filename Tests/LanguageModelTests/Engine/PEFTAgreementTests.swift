import Adapters
import Foundation
import LanguageModel
import LinearAlgebra
import Storage
import TestSupport
import Testing

/// Losses, gradients, logits, greedy tokens and beam searches against transformers and PEFT in double precision; the files are written
/// by scripts/make-fixtures.
@Suite struct PEFTAgreementTests {
    static let names = [
        "llama-grouped", "llama-tied", "llama-wide-heads", "qwen2-bias", "llama3-scaling", "linear-scaling",
        "dynamic-scaling", "yarn-scaling", "mistral-window", "qwen2-window", "qwen3", "phi3", "phi3-long",
        "lora-patterns", "lora-suffixes",
    ]

    private struct Fixture {
        let model: BaseModel
        let adapter: PEFTAdapter
        let expected: JSONValue
        let gradients: SafetensorsFile
        let sequences: [TokenSequence]

        init(_ name: String) throws {
            let folder = SharedData.projectRoot.appendingPathComponent("Tests/Fixtures/\(name)").path
            let model = try BaseModel.load(directory: folder)
            self.model = model
            adapter = try PEFTDirectory.read("\(folder)/adapter", expecting: { model.adapterSchema($0) })
            expected = try JSONValue.parse(try ReadableFile.contents(of: "\(folder)/expected.json"))
            gradients = try SafetensorsFile.open(path: "\(folder)/gradients.safetensors")
            sequences = try #require(expected["sequences"]?.array).map { entry in
                TokenSequence(
                    tokens: try #require(entry["tokens"]?.array).compactMap(\.int).map(Int32.init),
                    lossMask: try #require(entry["mask"]?.array).compactMap(\.bool))
            }
        }
    }

    /// The Euclidean distance relative to the norm of what is expected.
    private func relativeError(_ found: some Sequence<Float>, _ expected: [Double]) -> Double {
        var difference = 0.0
        var norm = 0.0
        for (a, b) in zip(found, expected) {
            difference += (Double(a) - b) * (Double(a) - b)
            norm += b * b
        }
        return (difference / norm).squareRoot()
    }

    @Test(arguments: names) func lossAndGradientsAgree(name: String) throws {
        let fixture = try Fixture(name)
        let engine = TrainingEngine(model: fixture.model, lora: fixture.adapter.configuration)
        let result = try engine.lossAndGradients(sequences: fixture.sequences, adapter: fixture.adapter.values)
        let loss = try #require(fixture.expected["loss"]?.double)
        #expect(result.tokenCount == fixture.expected["tokens"]?.int)
        #expect(abs(result.meanLoss - loss) < 1e-5 * loss)
        #expect(engine.schema.tensors.count == fixture.gradients.tensors.count)
        for (index, tensor) in engine.schema.tensors.enumerated() {
            let expected = try fixture.gradients.floats(named: tensor.name).map(Double.init)
            let error = relativeError(result.gradients[engine.schema.range(of: index)], expected)
            #expect(error < 1e-4, "\(tensor.name)")
        }
    }

    @Test(arguments: names) func bfloat16StaysNear(name: String) throws {
        let fixture = try Fixture(name)
        let engine = TrainingEngine(
            model: fixture.model, lora: fixture.adapter.configuration, options: EngineOptions(precision: .bfloat16))
        let result = try engine.lossAndGradients(sequences: fixture.sequences, adapter: fixture.adapter.values)
        let loss = try #require(fixture.expected["loss"]?.double)
        #expect(abs(result.meanLoss - loss) < 5e-3 * loss)
        let expected = try engine.schema.tensors.flatMap {
            try fixture.gradients.floats(named: $0.name).map(Double.init)
        }
        let error = relativeError(result.gradients, expected)
        // Rounding alone, and some of it: products in bfloat16 cannot agree to the last bit.
        #expect(error < 0.05 && error > 1e-6, "off by \(error)")
    }

    @Test(arguments: names) func evaluationAgrees(name: String) throws {
        let fixture = try Fixture(name)
        let engine = TrainingEngine(model: fixture.model, lora: fixture.adapter.configuration, trains: false)
        let losses = try engine.evaluate(sequences: fixture.sequences, adapter: fixture.adapter.values)
        for (index, entry) in try #require(fixture.expected["sequences"]?.array).enumerated() {
            let expected = try #require(entry["losses"]?.array).compactMap(\.double)
            #expect(losses[index].tokenCount == expected.count)
            #expect(relativeError(losses[index].tokenLosses, expected) < 1e-5)
            let logits = try engine.lastLogits(
                tokens: fixture.sequences[index].tokens, adapter: fixture.adapter.values)
            #expect(relativeError(logits, try #require(entry["last_logits"]?.array).compactMap(\.double)) < 1e-5)
        }
    }

    @Test(arguments: names) func greedyTokensAgree(name: String) throws {
        let fixture = try Fixture(name)
        let prompt = try #require(fixture.expected["prompt"]?.array).compactMap(\.int).map(Int32.init)
        let expected = try #require(fixture.expected["greedy"]?.array).compactMap(\.int).map(Int32.init)
        let generator = TextGenerator(
            model: fixture.model, lora: fixture.adapter.configuration, adapter: fixture.adapter.values)
        let found = try generator.generate(
            prompt: prompt, options: GenerationOptions(maximumTokens: expected.count, stopTokens: []))
        #expect(found == expected)
    }

    /// Beam searches against `generate(num_beams=…)`.
    @Test(arguments: names) func beamSearchesAgree(name: String) throws {
        let fixture = try Fixture(name)
        let prompt = try #require(fixture.expected["prompt"]?.array).compactMap(\.int).map(Int32.init)
        let generator = TextGenerator(
            model: fixture.model, lora: fixture.adapter.configuration, adapter: fixture.adapter.values)
        for width in [2, 4] {
            let expected = try #require(fixture.expected["beams"]?["\(width)"]?.array).compactMap(\.int).map(Int32.init)
            let found = try generator.generate(
                prompt: prompt, options: GenerationOptions(maximumTokens: 16, stopTokens: [2], beams: width))
            #expect(found == expected, "\(width) beams")
        }
    }
}
