import Adapters
import Foundation
import InstructionTuning
import LanguageModel
import LinearAlgebra
import Testing

@Suite struct BuiltInModelTests {
    @Test(arguments: ["config.json", "tokenizer.json", "tokenizer_config.json", "model.safetensors"])
    func theFledglingIsComplete(name: String) throws {
        let file = BuiltInModel.fledglingDirectory.appending(path: name)
        #expect(try !Data(contentsOf: file).isEmpty)
    }

    @Test func itsConfigurationNamesALlama() throws {
        let file = BuiltInModel.fledglingDirectory.appending(path: "config.json")
        let object = try JSONSerialization.jsonObject(with: Data(contentsOf: file))
        let configuration = try #require(object as? [String: Any])
        #expect(configuration["architectures"] as? [String] == ["LlamaForCausalLM"])
        #expect(configuration["tie_word_embeddings"] as? Bool == true)
    }

    @Test func itsWeightsAreSmall() throws {
        let file = BuiltInModel.fledglingDirectory.appending(path: "model.safetensors")
        let size = try #require(try file.resourceValues(forKeys: [.fileSizeKey]).fileSize)
        #expect(size <= 8_000_000)
    }

    @Test func itsWeightsLoad() throws {
        let model = try BaseModel.load(directory: BuiltInModel.fledglingDirectory.path(percentEncoded: false))
        #expect(model.configuration.hiddenSize == 128)
    }

    /// Tuned on 8-bit and on exact weights, in bfloat16 and in 32-bit floats, the fledgling ends at nearly the same loss.
    @Test(arguments: [WeightStorage.int8, .bfloat16], ProductPrecision.allCases)
    func coarseWeightsTuneAlike(storage: WeightStorage, precision: ProductPrecision) throws {
        let directory = BuiltInModel.fledglingDirectory.path(percentEncoded: false)
        let tokenizer = try Tokenizer.load(directory: directory)
        let encoder = RecordEncoder(template: .terse, encoder: tokenizer, cutoff: 64)
        let records = try BuiltInChores().records(count: 400, seed: 5)
        let tuned = EncodedRecords(Array(records[..<320]), with: encoder).sequences
        let heldOut = EncodedRecords(Array(records[320...]), with: encoder).sequences
        let lora = LoRAConfiguration(rank: 8, alpha: 16, targets: [.query, .key, .value, .output])
        func loss(_ storage: WeightStorage, _ precision: ProductPrecision) throws -> Double {
            let model = try BaseModel.load(directory: directory, storage: storage)
            let engine = TrainingEngine(model: model, lora: lora, options: EngineOptions(precision: precision))
            var adapter = SeedAdapter.values(schema: engine.schema, seed: 2)
            var optimizer = AdamW(count: adapter.count, settings: .init(learningRate: 1e-3))
            for step in 0..<100 {
                let batch = (0..<16).map { tuned[(16 * step + $0) % tuned.count] }
                let result = try engine.lossAndGradients(sequences: batch, adapter: adapter)
                optimizer.update(&adapter, gradients: result.gradients)
            }
            let losses = try engine.evaluate(sequences: heldOut, adapter: adapter)
            return losses.reduce(0) { $0 + $1.lossSum } / Double(losses.reduce(0) { $0 + $1.tokenCount })
        }
        let exact = try loss(.float32, .float32)
        #expect(abs(try loss(storage, precision) - exact) < 0.01 * exact)
    }

    /// The loss mask counts the tokens of the filled template alone: they must begin the tokens of the whole.
    @Test func theTersePromptBeginsTheWhole() throws {
        let tokenizer = try Tokenizer.load(directory: BuiltInModel.fledglingDirectory.path(percentEncoded: false))
        #expect(tokenizer.endOfSequence == 0)
        for record in try BuiltInChores().records(count: 2_000, seed: 8) {
            let prompt = PromptTemplate.terse.filled(record)
            let head = tokenizer.encode(prompt, addSpecialTokens: true)
            let whole = tokenizer.encode(prompt + record.response, addSpecialTokens: true)
            #expect(whole.starts(with: head) && whole.count > head.count)
            #expect(tokenizer.decode(whole) == prompt + record.response)
            // Every word, number and mark is one token, so that a record is short.
            #expect(whole.count <= 40)
        }
    }
}
