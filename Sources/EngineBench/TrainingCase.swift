import Basics
import LanguageModel

/// Steps of LoRA tuning (r = 8 on q, k, v and o, AdamW, no dropout) of a batch of random tokens that all carry loss.
struct TrainingCase {
    private let model: BenchModel
    private let batch: RandomBatch
    private let seconds: Int

    init(_ arguments: BenchArguments) throws {
        model = try BenchModel(arguments)
        batch = try RandomBatch(arguments)
        seconds = try arguments.number("seconds", 10)
    }

    func run() async throws -> [String: String] {
        let base = model.make()
        var tuner = BenchTuner(model.engine(of: base))
        var generator = SeededGenerator(seed: 3)
        var isFirst = true
        while isFirst || tuner.times.count < 3 || tuner.times.total < Double(seconds) {
            let sequences = batch.sequences(vocabulary: base.configuration.vocabularySize, using: &generator)
            try await tuner.step(sequences, isFirst: isFirst)
            isFirst = false
        }
        var result = tuner.times.summary
        result["tokens"] = "\(batch.tokens)"
        return result
    }
}
