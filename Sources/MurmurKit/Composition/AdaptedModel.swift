package import Adapters
package import InstructionTuning
package import LanguageModel

/// A base model with its tokenizer and, where one is given, an adapter that fits it.
package struct AdaptedModel: Sendable {
    package let model: BaseModel
    package let tokenizer: Tokenizer
    package let adapter: PEFTAdapter?

    /// Loads the parts and checks that they fit; the base model is kept as `weights` says.
    package init(base: String, adapter path: String?, weights: WeightChoice = .auto) throws {
        let directory = ModelComposition.modelDirectory(base)
        let model = try BaseModel.load(directory: directory, storage: weights.storage)
        self.model = model
        Terminal.warn(model.notes)
        tokenizer = try ModelComposition.tokenizer(directory: directory, model: model)
        adapter = try path.map { path in
            try PEFTDirectory.read(path) { model.adapterSchema($0) }
        }
    }

    private init(model: BaseModel, tokenizer: Tokenizer, adapter: PEFTAdapter) {
        self.model = model
        self.tokenizer = tokenizer
        self.adapter = adapter
    }

    /// The same base model, which is not loaded again, with the adapter in the directory `path`.
    package func adapted(by path: String) throws -> AdaptedModel {
        let adapter = try PEFTDirectory.read(path) { model.adapterSchema($0) }
        return AdaptedModel(model: model, tokenizer: tokenizer, adapter: adapter)
    }

    /// The prompt template that suits the model: its own where it has one.
    package var usualTemplate: String {
        guard let path = model.path else { return "alpaca" }
        if path == ModelComposition.modelDirectory("builtin:fledgling") { return "terse" }
        return (try? PromptTemplate.ofModel(directory: path)) == nil ? "alpaca" : PromptTemplate.nameOfModels
    }

    /// The tokens that end an answer.
    package var stopTokens: Set<Int32> {
        var tokens = Set(model.endOfSequence)
        if let end = tokenizer.endOfSequence { tokens.insert(end) }
        return tokens
    }

    /// What makes prompts of records: the template called `template`, and at most `cutoff` tokens.
    package func encoder(template: String, cutoff: Int) throws -> RecordEncoder {
        RecordEncoder(
            template: try PromptTemplate.named(template, model: model.path), encoder: tokenizer, cutoff: cutoff)
    }

    /// Warns where `encoder` and this model do not go well together.
    package func warn(of encoder: RecordEncoder) {
        Terminal.warn(
            ModelWarnings.template(encoder) + ModelWarnings.length(model.configuration, cutoff: encoder.cutoff))
    }
}
