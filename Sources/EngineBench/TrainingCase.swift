import Adapters
import Basics
import LanguageModel
import LinearAlgebra

/// Steps of LoRA tuning (r = 8 on q, k, v and o, AdamW, no dropout) of a batch of random tokens that all carry loss.
struct TrainingCase {
    private let shape: BenchShape
    private let batch: Int
    private let length: Int
    private let seconds: Int
    private let options: EngineOptions
    private let storage: WeightStorage

    init(_ arguments: BenchArguments) throws {
        shape = try arguments.shape()
        batch = try arguments.number("batch", 4)
        length = try arguments.number("sequence", 256)
        seconds = try arguments.number("seconds", 10)
        options = try arguments.options()
        storage = try arguments.storage()
    }

    /// The adapter that all cases tune.
    static let lora = LoRAConfiguration(rank: 8, alpha: 16, targets: [.query, .key, .value, .output])

    func run() async throws -> [String: String] {
        let model = BaseModel(configuration: shape.configuration(), randomSeed: 1, deviation: 0.02, storage: storage)
        let engine = TrainingEngine(model: model, lora: Self.lora, options: options)
        let lane = ComputeLane()
        var adapter = SeedAdapter.values(schema: engine.schema, seed: 1)
        var optimizer = AdamW(count: engine.schema.count, settings: .init(learningRate: 3e-4))
        var generator = SeededGenerator(seed: 3)
        var times = BenchTimes()
        var isWarm = false
        while !isWarm || times.count < 3 || times.total < Double(seconds) {
            let sequences = (0..<batch).map { _ in
                TokenSequence(
                    tokens: (0..<length).map { _ in
                        Int32(generator.next() % UInt64(model.configuration.vocabularySize))
                    })
            }
            try await times.measure {
                let values = adapter
                let result = try await lane.run { try engine.lossAndGradients(sequences: sequences, adapter: values) }
                optimizer.update(&adapter, gradients: result.gradients)
            }
            // The first step touches all memory for the first time.
            if !isWarm { times = BenchTimes() }
            isWarm = true
        }
        var result = times.summary
        result["tokens"] = "\(batch * length)"
        return result
    }
}
