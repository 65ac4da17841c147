package import Storage

/// Why a prompt template cannot be used.
package enum PromptTemplateError: Error, Equatable, CustomStringConvertible {
    /// There is no template of this name.
    case unknownName(String, known: [String])
    /// The file cannot be opened or read.
    case file(FileError)
    /// The file is not the JSON it should be.
    case badFile(path: String, reason: String)
    /// A field of the file is missing or of the wrong kind.
    case badField(path: String, field: String, reason: String)
    /// A text lacks a placeholder, has one it may not have, or a brace that is none.
    case badPlaceholder(template: String, field: String, reason: String)

    /// The base model has no chat template.
    case noChatTemplate(directory: String)
    /// The base model's chat template is none that can be taken over.
    case badChatTemplate(path: String, reason: String)

    package var description: String {
        switch self {
        case .unknownName(let name, let known):
            "there is no prompt template \"\(name)\"; there is \(known.joined(separator: ", ")), or chat for the model's own, or name a .json file"
        case .file(let error): error.description
        case .noChatTemplate(let directory):
            "\(directory): there is no chat template; name a prompt template: \(PromptTemplate.names.joined(separator: ", "))"
        case .badChatTemplate(let path, let reason):
            "\(path): the chat template is not understood: \(reason); name the form it has (chatml, llama-2, llama-3, phi-3, "
                + "gemma) or a .json file with prompt_input, prompt_no_input and response_end"
        case .badFile(let path, let reason): "\(path): \(reason)"
        case .badField(let path, let field, let reason): "\(path): \"\(field)\" \(reason)"
        case .badPlaceholder(let template, let field, let reason):
            "prompt template \(template), \"\(field)\": \(reason); write {{ and }} for braces that are text"
        }
    }
}
