/// Why an engine refuses its input.
package enum EngineError: Error, Equatable, CustomStringConvertible {
    /// The adapter has another number of values than the model's adapter of this configuration.
    case adapterLength(expected: Int, found: Int)
    /// A token is not in the model's vocabulary.
    case tokenOutOfRange(token: Int32, vocabularySize: Int)
    /// A sequence has no token.
    case emptySequence

    package var description: String {
        switch self {
        case .adapterLength(let expected, let found):
            "the adapter has \(found) values where the model's has \(expected); it belongs to another model or rank"
        case .tokenOutOfRange(let token, let size):
            "token \(token) is outside the model's vocabulary of \(size); the tokenizer belongs to another model"
        case .emptySequence: "a sequence has no token"
        }
    }
}
