import Adapters
import Foundation
import InstructionTuning
import LanguageModel
import LinearAlgebra

/// Steps on real records as they come: packed, loss on responses. `--dump FILE` writes the token sequences as JSON, for
/// the program beside.
struct DollyCase {
    private let shape: BenchShape
    private let batch: Int
    private let steps: Int
    private let options: EngineOptions
    private let storage: WeightStorage
    private let data: String
    private let tokenizer: String
    private let dump: String

    init(_ arguments: BenchArguments) throws {
        shape = try arguments.shape()
        batch = try arguments.number("batch", 16)
        steps = try arguments.number("steps", 5)
        options = try arguments.options()
        storage = try arguments.storage()
        data = arguments.text("data", "")
        tokenizer = arguments.text("tokenizer", "")
        dump = arguments.text("dump", "")
    }

    func run() async throws -> [String: String] {
        let tokenizer = try Tokenizer.load(directory: tokenizer)
        let records = try InstructionDataset.read(path: data).records
        let encoder = RecordEncoder(template: try PromptTemplate.named("alpaca"), encoder: tokenizer, cutoff: 512)
        var sampler = BatchSampler(count: records.count, batch: 1, seed: 11, stream: "bench")
        var chosen: [InstructionRecord] = []
        // A few more than needed: some leave no room for a response.
        while chosen.count < (steps + 1) * batch * 5 / 4 { chosen += sampler.next().map { records[$0] } }
        let sequences = EncodedRecords(chosen, with: encoder).sequences
        if !dump.isEmpty { try write(sequences) }

        let vocabulary = Int(tokenizer.largestIdentifier) + 1
        let model = BaseModel(
            configuration: shape.configuration(vocabulary: vocabulary), randomSeed: 1, deviation: 0.02, storage: storage
        )
        let engine = TrainingEngine(model: model, lora: TrainingCase.lora, options: options)
        let lane = ComputeLane()
        var adapter = SeedAdapter.values(schema: engine.schema, seed: 1)
        var optimizer = AdamW(count: engine.schema.count, settings: .init(learningRate: 3e-4))
        var times = BenchTimes()
        var tokens = 0
        for step in 0...steps {
            let part = Array(sequences[step * batch..<(step + 1) * batch])
            try await times.measure {
                let values = adapter
                let result = try await lane.run { try engine.lossAndGradients(sequences: part, adapter: values) }
                optimizer.update(&adapter, gradients: result.gradients)
            }
            // The first step touches all memory for the first time.
            if step == 0 { times = BenchTimes() } else { tokens += part.reduce(0) { $0 + $1.tokens.count } }
        }
        var result = times.summary
        result["records_per_s"] = String(format: "%.5g", Double(steps * batch) / times.total)
        result["tokens"] = "\(tokens)"
        return result
    }

    private func write(_ sequences: [TokenSequence]) throws {
        let lines = sequences.map { sequence in
            let labels = sequence.lossMask.map { $0 ? "1" : "0" }.joined(separator: ",")
            return "{\"tokens\":[\(sequence.tokens.map(String.init).joined(separator: ","))],\"loss\":[\(labels)]}"
        }
        try Data("[\(lines.joined(separator: ",\n"))]".utf8).write(to: URL(fileURLWithPath: dump))
    }
}
