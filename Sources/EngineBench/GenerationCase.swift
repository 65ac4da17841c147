import LanguageModel
import LinearAlgebra

/// Greedy generation of one text, or of `--batch` texts side by side, keys and values cached: the time a token takes after
/// the prompts.
struct GenerationCase {
    private let model: BenchModel
    private let prompt: Int
    private let length: Int
    private let batch: Int
    private let seconds: Int

    init(_ arguments: BenchArguments) throws {
        model = try BenchModel(arguments)
        prompt = try arguments.number("prompt", 32)
        length = try arguments.number("tokens", 64)
        batch = try arguments.number("batch", 1)
        seconds = try arguments.number("seconds", 10)
    }

    func run() async throws -> [String: String] {
        let base = model.make()
        let generator = TextGenerator(model: base, options: model.options)
        let lane = ComputeLane()
        let (prompt, length, batch) = (self.prompt, self.length, self.batch)
        let prompts = (0..<batch).map { text in
            (0..<prompt).map { Int32(($0 * 37 + 11 + 101 * text) % base.configuration.vocabularySize) }
        }
        var memory = MemoryRate(threads: model.options.threads)
        await memory.measure(4)
        var first = BenchTimes()
        var times = BenchTimes()
        var isWarm = false
        while !isWarm || times.count < 3 || times.total < Double(seconds) {
            // What the prompt and the first token take is measured apart and taken off.
            for wanted in [1, length] {
                let body = {
                    _ = try await lane.run {
                        try generator.generate(
                            prompts: prompts, options: GenerationOptions(maximumTokens: wanted, stopTokens: []),
                            sideBySide: batch)
                    }
                }
                if wanted == 1 { try await first.measure(body) } else { try await times.measure(body) }
            }
            if !isWarm {
                first = BenchTimes()
                times = BenchTimes()
            }
            isWarm = true
        }
        await memory.measure(4)
        var result = times.summary
        let difference = times.median - first.median
        let rate = Double(batch * (length - 1)) / difference
        result["tokens_per_s"] = "\(rate)"
        result["tokens_per_s_with_prompts"] = "\(Double(batch * length) / times.median)"
        // Every weight is read once for a token of all texts.
        let bytes = Double(
            model.storage.bytes(of: base.parameterCount)
                + model.storage.scaleBytes(
                    rows: base.parameterCount / base.configuration.hiddenSize, columns: base.configuration.hiddenSize))
        result["gb_of_weights_per_s"] = "\(rate / Double(batch) * bytes / 1e9)"
        result["gb_of_memory_per_s"] = "\(memory.median)"
        result["prompt_tokens"] = "\(prompt)"
        result["parameters"] = "\(base.parameterCount)"
        return result
    }
}
