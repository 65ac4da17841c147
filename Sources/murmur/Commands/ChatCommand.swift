import ArgumentParser
import MurmurKit

/// `murmur chat`: a conversation in the terminal.
struct ChatCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chat",
        abstract: "Talk to a model, with or without an adapter, in the terminal.",
        discussion: """
            Each line is a turn. Ctrl-C ends an answer; where none is being written, or twice, it ends the program, as
            the end of the input (Ctrl-D) does. /new begins a new conversation. In a pipe each line of the input is
            answered, and only the answers are printed.

            Examples:
              murmur chat --adapter demo-run/peer-0/adapter
              murmur chat < questions.txt
            """)

    @Option(help: "The base model: builtin:fledgling, a Hugging Face directory or a GGUF file.")
    var model = "builtin:fledgling"
    @Option(help: "A PEFT directory; the base model alone without it.") var adapter: String?
    @Option(help: "How the base model is kept: auto, fp32, bf16 or int8.") var weights = WeightChoice.auto
    @Option(help: "The prompt template; the model's own chat template unless given, or alpaca where it has none.")
    var template: String?
    @Option(help: "What the model is told before the conversation.") var system: String?
    @Option(help: "The most tokens of an answer.") var maxNewTokens = 512
    @Option(help: "0 takes the likeliest token always.") var temperature = 0.0
    @Option(help: "Sample from so many of the likeliest tokens; 0: all.") var topK = 0
    @Option(help: "Sample from the likeliest tokens that together reach this probability.") var topP = 1.0
    @Option(help: "The seed of sampling.") var seed: UInt64 = 42

    func validate() throws {
        guard (1...1_000_000).contains(maxNewTokens) else {
            throw ValidationError("--max-new-tokens \(maxNewTokens): from 1 to 1000000")
        }
        guard temperature >= 0, temperature.isFinite else { throw ValidationError("--temperature: 0 or more") }
        guard topK >= 0 else { throw ValidationError("--top-k: 0 or more") }
        guard topP > 0, topP <= 1 else { throw ValidationError("--top-p: above 0, at most 1") }
    }

    func run() async throws {
        let model = try AdaptedModel(base: model, adapter: adapter, weights: weights)
        let responder = try ModelResponder.onAllProcessors(
            model, template: template ?? model.usualTemplate,
            sampling: SamplingChoices(
                maximumTokens: maxNewTokens, temperature: temperature, topK: topK, topP: topP, seed: seed))
        let chat = TerminalChat(responder: responder, system: system, isInteractive: Terminal.inputIsTerminal)
        try await chat.run(lines: .ofStandardInput(), interrupts: Signals.stopRequests())
    }
}
