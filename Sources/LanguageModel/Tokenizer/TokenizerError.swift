/// Why a tokenizer is refused.
package enum TokenizerError: Error, Equatable, CustomStringConvertible {
    /// The folder holds no tokenizer.
    case notFound(folder: String)
    /// The file is not a tokenizer of the kind it says.
    case invalid(file: String, reason: String)
    /// The tokenizer has a part that this project does not have.
    case unsupported(file: String, part: String, name: String)

    package var description: String {
        switch self {
        case .notFound(let folder):
            "\(folder): neither tokenizer.json nor vocab.json with merges.txt is there; copy them from the model's folder"
        case .invalid(let file, let reason): "\(file): \(reason)"
        case .unsupported(let file, let part, let name):
            "\(file): the \(part) \(name) is not supported; byte-level BPE and SentencePiece BPE tokenizers are"
        }
    }
}
