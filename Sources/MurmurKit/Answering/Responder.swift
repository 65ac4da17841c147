import Adapters
import Basics
package import InstructionTuning
import LanguageModel
package import LinearAlgebra

/// What is to be answered.
package enum Prompt: Sendable, Hashable {
    /// An instruction with its context, for the prompt template; its response is not looked at.
    case instruction(InstructionRecord)
    /// A text that is continued as it is.
    case text(String)
}

/// Answers prompts, a piece of text at a time: what `generate` and `evaluate` ask, whoever answers.
package protocol Responder: Sendable {
    /// The answer in pieces as they come; together they are the whole answer. Whoever stops reading ends the work.
    func response(to prompt: Prompt) -> AsyncThrowingStream<String, any Error>
}

extension Responder {
    /// The whole answer.
    package func wholeResponse(to prompt: Prompt) async throws -> String {
        var text = ""
        for try await piece in response(to: prompt) { text += piece }
        return text
    }
}

/// How an answer's tokens are chosen.
package struct SamplingChoices: Sendable, Hashable {
    /// The most tokens to write.
    package var maximumTokens: Int
    /// What divides the logits; zero takes the likeliest token always.
    package var temperature: Double
    /// Only so many of the likeliest tokens can be chosen; zero for all.
    package var topK: Int
    /// Only the likeliest tokens that together reach this probability can be chosen.
    package var topP: Double
    package var seed: UInt64

    package init(maximumTokens: Int, temperature: Double = 0, topK: Int = 0, topP: Double = 1, seed: UInt64 = 42) {
        self.maximumTokens = maximumTokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.seed = seed
    }
}

/// A model of this process, with or without an adapter.
package struct ModelResponder: Responder {
    private let model: AdaptedModel
    private let encoder: RecordEncoder
    private let sampling: SamplingChoices
    private let lane: ComputeLane
    private let generator: TextGenerator

    /// A responder that works on `lane` with `threads`, those of the lane among them. Prompts are filled and cut as
    /// `encoder` says.
    package init(
        _ model: AdaptedModel, encoder: RecordEncoder, sampling: SamplingChoices, lane: ComputeLane, threads: Int = 1
    ) {
        self.model = model
        self.encoder = encoder
        self.sampling = sampling
        self.lane = lane
        generator = TextGenerator(
            model: model.model, lora: model.adapter?.configuration, adapter: model.adapter?.values ?? [],
            options: EngineOptions(threads: threads))
    }

    /// A responder that has the machine for itself; prompts are filled into the template called `template`.
    package static func onAllProcessors(
        _ model: AdaptedModel, template: String, sampling: SamplingChoices
    ) throws -> ModelResponder {
        ModelResponder(
            model, encoder: try model.encoder(template: template, cutoff: 1 << 20), sampling: sampling,
            lane: .shared(for: 0), threads: ComputeLane.all.count)
    }

    /// The text that the model is given for `prompt`.
    package func text(of prompt: Prompt) -> String {
        switch prompt {
        case .instruction(let record): encoder.template.filled(record)
        case .text(let text): text
        }
    }

    package func response(to prompt: Prompt) -> AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { continuation in
            let stop = StopFlag()
            let work = Task {
                do {
                    try await write(prompt, until: stop) { continuation.yield($0) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            continuation.onTermination = { _ in
                // The lane's thread is no task: it does not see that one was cancelled.
                stop.raise()
                work.cancel()
            }
        }
    }

    /// Generates the answer and hands on its pieces.
    private func write(
        _ prompt: Prompt, until stop: StopFlag, to yield: @escaping @Sendable (String) -> Void
    ) async throws {
        let (tokens, stops) = tokens(of: prompt)
        guard !tokens.isEmpty else { throw CommandFailure("the prompt has no tokens; write something") }
        Terminal.warn(
            ModelWarnings.generation(
                model.model.configuration, promptTokens: tokens.count, newTokens: sampling.maximumTokens))
        let options = GenerationOptions(
            maximumTokens: sampling.maximumTokens, stopTokens: stops, temperature: sampling.temperature,
            topK: sampling.topK, topP: sampling.topP)
        try await lane.run {
            var random = SeededGenerator(seed: sampling.seed, label: "generate")
            var pieces = TextPieces { model.tokenizer.decode($0) }
            _ = try generator.generate(prompt: tokens, options: options, using: &random) { token in
                if let piece = pieces.add(token) { yield(piece) }
                return !stop.isRaised
            }
            if let rest = pieces.finish() { yield(rest) }
        }
    }

    /// The prompt's tokens, and those that end the answer.
    private func tokens(of prompt: Prompt) -> (tokens: [Int32], stops: Set<Int32>) {
        switch prompt {
        case .instruction(let record):
            Terminal.warn(ModelWarnings.template(encoder))
            return (encoder.promptTokens(of: record), model.stopTokens.union(encoder.stopTokens))
        case .text(let text):
            var tokens = model.tokenizer.encode(text, addSpecialTokens: true)
            // A post-processor may close the text: it is to be continued.
            if let last = tokens.last, tokens.count > 1, model.stopTokens.contains(last) { tokens.removeLast() }
            return (tokens, model.stopTokens)
        }
    }
}
