import InstructionTuning
import LanguageModel
package import LinearAlgebra
package import MurmurKit

/// A model that visitors know by a name: the base model, or the base model with an adapter.
package struct ServedModel: Sendable {
    package let name: String
    let desk: AnswerDesk
    private let model: AdaptedModel
    /// The prompt templates by name, the model's own among them where it has one.
    private let encoders: [String: RecordEncoder]
    private let conversation: ConversationTemplate?
    /// The template for who names none.
    private let usualTemplate: String
    private let context: Int
    private let settings: ServingSettings

    /// A model that answers on `lane` with `threads`. `template` is what prompts are filled into where a request names
    /// none; nil means the model's own chat template, or Alpaca's where it has none.
    package init(
        name: String, _ model: AdaptedModel, template: String?, settings: ServingSettings, lane: ComputeLane,
        threads: Int
    ) throws {
        self.name = name
        self.model = model
        self.settings = settings
        context = settings.context ?? model.model.configuration.longestSequence ?? 2048
        desk = AnswerDesk(
            model, lane: lane, threads: threads, rows: settings.rows, waitingLimit: settings.waiting)
        conversation = try? ConversationTemplate.ofModel(directory: model.model.path ?? "")
        var encoders: [String: RecordEncoder] = [:]
        for name in PromptTemplate.names {
            encoders[name] = try model.encoder(template: name, cutoff: 1 << 20)
        }
        if let template, template != PromptTemplate.nameOfModels, encoders[template] == nil {
            encoders[template] = try model.encoder(template: template, cutoff: 1 << 20)
        }
        if conversation != nil {
            encoders[PromptTemplate.nameOfModels] = try? model.encoder(
                template: PromptTemplate.nameOfModels, cutoff: 1 << 20)
        }
        usualTemplate = template ?? model.usualTemplate
        // Says why, where the model has no template of its own.
        if encoders[usualTemplate] == nil { _ = try model.encoder(template: usualTemplate, cutoff: 2) }
        self.encoders = encoders
    }

    /// The names of the templates that a request may name, the usual one first.
    package var templates: [String] {
        let others = Set(encoders.keys).subtracting([usualTemplate])
        return [usualTemplate] + others.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }

    /// A request's prompts, each as often as it wants answers. Throws `ServingFault`.
    func requests(of completion: CompletionRequest) throws(ServingFault) -> [AnswerRequest] {
        let prompts: [(tokens: [Int32], stops: Set<Int32>)]
        switch completion.subject {
        case .conversation(let turns): prompts = [try tokens(of: turns, completion)]
        case .texts(let texts):
            prompts = texts.map { (model.tokens(continuing: $0), model.stopTokens) }
        case .tokens(let tokens): prompts = [(tokens, model.stopTokens)]
        }
        let deadline = ContinuousClock.now + .seconds(settings.seconds)
        var requests: [AnswerRequest] = []
        for (tokens, stops) in prompts {
            var sampling = completion.sampling
            sampling.maximumTokens = try room(for: tokens.count, wanted: completion.maximumTokens)
            for _ in 0..<completion.copies {
                requests.append(
                    AnswerRequest(
                        prompt: tokens, options: sampling.options(stopTokens: stops), stopTexts: completion.stops,
                        deadline: deadline))
                // Each answer to one prompt is drawn anew.
                sampling.seed &+= 1
            }
        }
        return requests
    }

    /// The tokens that the answer to a prompt of `count` may have.
    private func room(for count: Int, wanted: Int?) throws(ServingFault) -> Int {
        guard count > 0 else { throw .invalid("the prompt has no tokens; write something") }
        guard count < context, wanted ?? 0 <= context - count else {
            throw .invalid(
                "this model's context is \(context) tokens: the prompt has \(count)"
                    + (wanted.map { ", and \($0) are wanted for the answer" } ?? ""), code: "context_length_exceeded")
        }
        return wanted ?? min(settings.usualTokens, context - count)
    }

    private func tokens(
        of turns: [ChatTurn], _ completion: CompletionRequest
    ) throws(ServingFault) -> (tokens: [Int32], stops: Set<Int32>) {
        let name = completion.template ?? usualTemplate
        guard let encoder = encoders[name] else {
            throw .invalid(
                "there is no template \"\(name)\"; there is \(templates.joined(separator: ", "))", "template")
        }
        do {
            return try model.tokens(of: turns, input: completion.input, encoder, conversation)
        } catch {
            throw .invalid("\(error)", "messages")
        }
    }
}
