import Adapters
import ArgumentParser
import Basics
import Foundation
import InstructionTuning
import LanguageModel
import LinearAlgebra

/// `murmur generate`: an answer to an instruction.
struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Answer an instruction with a model, with or without an adapter.",
        discussion: """
            Examples:
              murmur generate --adapter demo-run/peer-0/adapter "Put the numbers in order." --input "16 29 4"
              murmur generate --model path/to/model --raw "Once upon a time" --temperature 0.8
            """)

    @Argument(help: "The instruction.") var instruction: String
    @Option(help: "The context that the instruction speaks about.") var input = ""
    @OptionGroup var options: ModelOptions
    @Option(help: "How the base model is kept: auto, fp32, bf16 or int8.") var weights = "auto"
    @Option(help: "A PEFT directory; the base model alone without it.") var adapter: String?
    @Flag(help: "Continue the text as it is, without a prompt template.") var raw = false
    @Option(help: "The most tokens to write.") var maxNewTokens = 128
    @Option(help: "0 takes the likeliest token always.") var temperature = 0.0
    @Option(help: "Sample from so many of the likeliest tokens; 0: all.") var topK = 0
    @Option(help: "Sample from the likeliest tokens that together reach this probability.") var topP = 1.0
    @Option(help: "The seed of sampling.") var seed: UInt64 = 42
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (1...1_000_000).contains(maxNewTokens) else {
            throw ValidationError("--max-new-tokens \(maxNewTokens): from 1 to 1000000")
        }
        guard weights == "auto" || WeightStorage(rawValue: weights) != nil else {
            throw ValidationError("--weights \(weights): known are auto, fp32, bf16, int8")
        }
        guard temperature >= 0, temperature.isFinite else { throw ValidationError("--temperature: 0 or more") }
        guard topK >= 0 else { throw ValidationError("--top-k: 0 or more") }
        guard topP > 0, topP <= 1 else { throw ValidationError("--top-p: above 0, at most 1") }
    }

    func run() async throws {
        try await reportingFailures {
            let loaded = try AdaptedModel(
                base: options.model, adapter: adapter, storage: WeightStorage(rawValue: weights))
            let (text, prompt, stops) = try prepared(loaded)
            guard !prompt.isEmpty else { throw CommandFailure("the prompt has no tokens; write something") }
            let answer = try await answer(loaded, prompt: prompt, stops: stops)
            if json {
                print(try JSONText.of(["prompt": text, "answer": answer]))
            } else {
                print(answer)
            }
        }
    }

    /// The prompt, its tokens and the tokens that end the answer.
    private func prepared(_ loaded: AdaptedModel) throws -> (text: String, tokens: [Int32], stops: Set<Int32>) {
        if raw {
            var tokens = loaded.tokenizer.encode(instruction, addSpecialTokens: true)
            if let last = tokens.last, tokens.count > 1, loaded.stopTokens.contains(last) { tokens.removeLast() }
            return (instruction, tokens, loaded.stopTokens)
        }
        let template = try PromptTemplate.named(options.templateName, model: loaded.model.path)
        let encoder = RecordEncoder(template: template, encoder: loaded.tokenizer, cutoff: 1 << 20)
        let record = InstructionRecord(instruction: instruction, context: input, response: "")
        return (
            template.filled(record), encoder.promptTokens(of: record), loaded.stopTokens.union(encoder.stopTokens)
        )
    }

    private func answer(_ loaded: AdaptedModel, prompt: [Int32], stops: Set<Int32>) async throws -> String {
        let generator = TextGenerator(
            model: loaded.model, lora: loaded.adapter?.configuration, adapter: loaded.adapter?.values ?? [],
            options: EngineOptions(threads: ComputeLane.all.count))
        let settings = GenerationOptions(
            maximumTokens: maxNewTokens, stopTokens: stops, temperature: temperature, topK: topK,
            topP: topP)
        let seed = seed
        let tokens = try await ComputeLane.shared(for: 0).run {
            var random = SeededGenerator(seed: seed, label: "generate")
            return try generator.generate(prompt: prompt, options: settings, using: &random) { _ in true }
        }
        return loaded.tokenizer.decode(tokens)
    }
}
