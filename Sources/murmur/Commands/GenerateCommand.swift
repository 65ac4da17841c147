import ArgumentParser
import InstructionTuning
import MurmurKit

/// `murmur generate`: an answer to an instruction.
struct GenerateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "generate",
        abstract: "Answer an instruction with a model, with or without an adapter.",
        discussion: """
            Examples:
              murmur generate \\
                  --adapter demo-run/peer-0/adapter "Put the numbers in order." \\
                  --input "16 29 4"
              murmur generate --model path/to/model --raw "Once upon a time" \\
                  --temperature 0.8
            """)

    @Argument(help: "The instruction.") var instruction: String
    @Option(help: "The context that the instruction speaks about.") var input = ""
    @OptionGroup var options: ModelOptions
    @Option(help: "How the base model is kept: auto, fp32, bf16 or int8.") var weights = WeightChoice.auto
    @Option(help: "A PEFT directory; the base model alone without it.") var adapter: String?
    @Flag(help: "Continue the text as it is, without a prompt template.") var raw = false
    @Option(help: "The most tokens to write.") var maxNewTokens = 128
    @Option(help: "0 takes the likeliest token always.") var temperature = 0.0
    @Option(help: "Sample from so many of the likeliest tokens; 0: all.") var topK = 0
    @Option(help: "Sample from the likeliest tokens that together reach this probability.") var topP = 1.0
    @Option(help: "Keep so many beginnings and take the likeliest text; nothing is sampled then. 1: no beam search.")
    var beams = 1
    @Option(help: "The seed of sampling.") var seed: UInt64 = 42
    @Flag(help: "Print JSON.") var json = false

    func validate() throws {
        guard (1...1_000_000).contains(maxNewTokens) else {
            throw ValidationError("--max-new-tokens \(maxNewTokens): from 1 to 1000000")
        }
        guard temperature >= 0, temperature.isFinite else { throw ValidationError("--temperature: 0 or more") }
        guard topK >= 0 else { throw ValidationError("--top-k: 0 or more") }
        guard topP > 0, topP <= 1 else { throw ValidationError("--top-p: above 0, at most 1") }
        guard (1...32).contains(beams) else { throw ValidationError("--beams: from 1 to 32") }
    }

    func run() async throws {
        let model = try AdaptedModel(base: options.model, adapter: adapter, weights: weights)
        let prompt =
            raw
            ? Prompt.text(instruction)
            : .instruction(InstructionRecord(instruction: instruction, context: input, response: ""))
        let responder = try ModelResponder.onAllProcessors(
            model, template: options.templateName,
            sampling: SamplingChoices(
                maximumTokens: maxNewTokens, temperature: temperature, topK: topK, topP: topP, beams: beams,
                seed: seed))
        if json {
            let answer = try await responder.wholeResponse(to: prompt)
            Terminal.print(try JSONText.of(["prompt": responder.text(of: prompt), "answer": answer]))
        } else {
            for try await piece in responder.response(to: prompt) { Terminal.write(piece) }
            Terminal.print("")
        }
    }
}
