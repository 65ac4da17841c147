import Adapters
package import InstructionTuning
package import LanguageModel
package import LinearAlgebra

/// What is to be answered.
package enum Prompt: Sendable, Hashable {
    /// An instruction with its context, for the prompt template; its response is not looked at.
    case instruction(InstructionRecord)
    /// A text that is continued as it is.
    case text(String)
    /// A conversation whose last turn is the user's.
    case conversation([ChatTurn])
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
    /// How many beginnings a beam search keeps, which takes the likeliest text and samples nothing; one for none.
    package var beams: Int
    package var seed: UInt64

    package init(
        maximumTokens: Int, temperature: Double = 0, topK: Int = 0, topP: Double = 1, beams: Int = 1, seed: UInt64 = 42
    ) {
        self.maximumTokens = maximumTokens
        self.temperature = temperature
        self.topK = topK
        self.topP = topP
        self.beams = beams
        self.seed = seed
    }

    /// The same for the generator, which ends at `stops`.
    package func options(stopTokens stops: Set<Int32>) -> GenerationOptions {
        GenerationOptions(
            maximumTokens: maximumTokens, stopTokens: stops, temperature: temperature, topK: topK, topP: topP,
            beams: beams, seed: seed)
    }
}

/// A model of this process, with or without an adapter. Prompts that come at the same time are answered side by side.
package struct ModelResponder: Responder {
    private let model: AdaptedModel
    private let encoder: RecordEncoder
    private let sampling: SamplingChoices
    private let desk: AnswerDesk

    /// A responder that works on `lane` with `threads`, those of the lane among them, on at most `rows` answers at a
    /// time. Prompts are filled and cut as `encoder` says.
    package init(
        _ model: AdaptedModel, encoder: RecordEncoder, sampling: SamplingChoices, lane: ComputeLane, threads: Int = 1,
        rows: Int = 16
    ) {
        self.model = model
        self.encoder = encoder
        self.sampling = sampling
        desk = AnswerDesk(model, lane: lane, threads: threads, rows: rows)
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
        case .conversation(let turns): encoder.template.filled(turns)
        }
    }

    package func response(to prompt: Prompt) -> AsyncThrowingStream<String, any Error> {
        AsyncThrowingStream { continuation in
            let work = Task {
                do {
                    for try await case .text(let piece) in try await pieces(of: prompt) { continuation.yield(piece) }
                    continuation.finish()
                } catch {
                    continuation.finish(throwing: error)
                }
            }
            // The task's end is that of its stream, which the desk sees.
            continuation.onTermination = { _ in work.cancel() }
        }
    }

    private func pieces(of prompt: Prompt) async throws -> AsyncThrowingStream<AnswerPiece, any Error> {
        let (tokens, stops) = try model.tokens(of: prompt, encoder)
        guard !tokens.isEmpty else { throw CommandFailure("the prompt has no tokens; write something") }
        Terminal.warn(
            ModelWarnings.generation(
                model.model.configuration, promptTokens: tokens.count, newTokens: sampling.maximumTokens))
        return try await desk.answer(AnswerRequest(prompt: tokens, options: sampling.options(stopTokens: stops)))
    }
}

extension AnswerDesk {
    /// A desk for a model of this process.
    package init(
        _ model: AdaptedModel, lane: ComputeLane, threads: Int, rows: Int, waitingLimit: Int = .max
    ) {
        let tokenizer = model.tokenizer
        self.init(
            generator: TextGenerator(
                model: model.model, lora: model.adapter?.configuration, adapter: model.adapter?.values ?? [],
                options: EngineOptions(threads: threads)),
            lane: lane, rows: rows, waitingLimit: waitingLimit
        ) { tokenizer.decode($0) }
    }
}

extension AdaptedModel {
    /// The prompt's tokens, and those that end the answer.
    package func tokens(of prompt: Prompt, _ encoder: RecordEncoder) throws -> (tokens: [Int32], stops: Set<Int32>) {
        switch prompt {
        case .instruction(let record):
            Terminal.warn(ModelWarnings.template(encoder))
            return (encoder.promptTokens(of: record), stopTokens.union(encoder.stopTokens))
        case .text(let text): return (tokens(continuing: text), stopTokens)
        case .conversation(let turns):
            let own = encoder.template.name == PromptTemplate.nameOfModels ? model.path : nil
            return try tokens(of: turns, encoder, try own.map { try ConversationTemplate.ofModel(directory: $0) })
        }
    }

    /// The tokens of a text that is to be continued.
    package func tokens(continuing text: String) -> [Int32] {
        var tokens = tokenizer.encode(text, addSpecialTokens: true)
        // A post-processor may close the text.
        if let last = tokens.last, tokens.count > 1, stopTokens.contains(last) { tokens.removeLast() }
        return tokens
    }

    /// The tokens of a conversation, and those that end the answer. The model's own chat template, `own`, knows several
    /// turns where `encoder` has that; others are filled turn after turn. `input` is the context of the last instruction.
    package func tokens(
        of turns: [ChatTurn], input: String = "", _ encoder: RecordEncoder, _ own: ConversationTemplate?
    ) throws -> (tokens: [Int32], stops: Set<Int32>) {
        let stops = stopTokens.union(encoder.stopTokens)
        guard encoder.template.name == PromptTemplate.nameOfModels, let own else {
            return (encoder.promptTokens(encoder.template.filled(turns, input: input)), stops)
        }
        var turns = turns
        if !input.isEmpty, let last = turns.indices.last { turns[last].content += "\n\n\(input)" }
        return (tokenizer.encode(try own.text(of: turns), addSpecialTokens: false), stops)
    }
}
