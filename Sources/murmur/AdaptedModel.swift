import Adapters
import LanguageModel
import LinearAlgebra

/// A base model with its tokenizer and, where one is given, an adapter that fits it.
struct AdaptedModel {
    let model: BaseModel
    let tokenizer: Tokenizer
    let adapter: PEFTAdapter?

    /// Loads the parts and checks that they fit; weights are kept as `storage` says.
    init(base: String, adapter path: String?, storage: WeightStorage? = nil) throws {
        let directory = Composition.modelDirectory(base)
        let model = try BaseModel.load(directory: directory, storage: storage)
        self.model = model
        tokenizer = try Composition.tokenizer(directory: directory, model: model)
        adapter = try path.map { path in
            try PEFTDirectory.read(path) { model.adapterSchema($0) }
        }
    }

    /// The tokens that end an answer.
    var stopTokens: Set<Int32> {
        var tokens = Set(model.endOfSequence)
        if let end = tokenizer.endOfSequence { tokens.insert(end) }
        return tokens
    }
}
