import LanguageModel
import Storage

/// A checkpoint's own chat template as a prompt template.
///
/// The template is rendered with marks in place of the contents, for one turn of the user and for a conversation with the
/// answer; what stands around the marks is the prompt's form. A template that this project's Jinja does not render, or
/// that does more with the contents than to put them in, is refused.
extension PromptTemplate {
    /// The name that means the checkpoint's own chat template.
    package static let nameOfModels = "chat"

    private static let fileLimit = 4 << 20
    private static let templateLimit = 1 << 18

    /// The template that `name` means for the base model in `directory`: the model's own for `chat`, or as `named(_:)`.
    package static func named(
        _ name: String, model directory: String?
    ) throws(PromptTemplateError) -> PromptTemplate {
        guard name == nameOfModels else { return try named(name) }
        guard let directory else { throw .noChatTemplate(directory: "the base model") }
        return try ofModel(directory: directory)
    }

    /// The chat template of the checkpoint in `directory`, `chat_template.jinja` or that of `tokenizer_config.json`, or of
    /// a GGUF file.
    package static func ofModel(directory: String) throws(PromptTemplateError) -> PromptTemplate {
        let source = try chatSource(directory: directory)
        return try chat(source.text, configuration: source.configuration, path: source.path)
    }

    /// The Jinja text of that, the document that has the special tokens' spellings, and the file it is in.
    static func chatSource(
        directory: String
    ) throws(PromptTemplateError) -> (text: String, configuration: JSONValue?, path: String) {
        let source = try GGUFFile.isNamed(directory) ? sourceOfGGUF(path: directory) : sourceOfFolder(directory)
        guard source.text.utf8.count <= templateLimit else {
            throw .badChatTemplate(path: source.path, reason: "it is longer than \(templateLimit) bytes")
        }
        return source
    }

    private static func sourceOfFolder(
        _ directory: String
    ) throws(PromptTemplateError) -> (text: String, configuration: JSONValue?, path: String) {
        let configurationPath = "\(directory)/tokenizer_config.json"
        let configuration = try optionalContents(of: configurationPath).map { bytes throws(PromptTemplateError) in
            do throws(JSONError) {
                return try JSONValue.parse(bytes)
            } catch {
                throw .badFile(path: configurationPath, reason: error.description)
            }
        }
        let filePath = "\(directory)/chat_template.jinja"
        if let bytes = try optionalContents(of: filePath) {
            return (String(decoding: bytes, as: UTF8.self), configuration, filePath)
        }
        var template = configuration?["chat_template"]
        if let list = template?.array {
            template = list.first { $0["name"]?.text == "default" }?["template"]
        }
        guard let text = template?.text else { throw .noChatTemplate(directory: directory) }
        return (text, configuration, configurationPath)
    }

    /// A GGUF file spells its special tokens by their numbers.
    private static func sourceOfGGUF(
        path: String
    ) throws(PromptTemplateError) -> (text: String, configuration: JSONValue?, path: String) {
        let header: GGUFHeader
        do {
            header = try GGUFFile.open(path: path).header
        } catch {
            throw .badFile(path: path, reason: "\(error)")
        }
        guard let text = header["tokenizer.chat_template"]?.text else { throw .noChatTemplate(directory: path) }
        let tokens = header["tokenizer.ggml.tokens"]?.texts ?? []
        var members: [(String, JSONValue)] = []
        for (name, key) in [
            ("bos_token", "bos"), ("eos_token", "eos"), ("unk_token", "unknown"), ("pad_token", "padding"),
        ] {
            guard let number = header["tokenizer.ggml.\(key)_token_id"]?.integer, tokens.indices.contains(number) else {
                continue
            }
            members.append((name, .text(tokens[number])))
        }
        return (text, .object(JSONObject(members)), path)
    }

    private static func optionalContents(of path: String) throws(PromptTemplateError) -> [UInt8]? {
        do throws(FileError) {
            return try ReadableFile.contents(of: path, limit: fileLimit)
        } catch {
            if error == .notFound(path: path) { return nil }
            throw .file(error)
        }
    }

    /// The prompt template that the Jinja template `text` of the file at `path` comes to.
    static func chat(
        _ text: String, configuration: JSONValue?, path: String
    ) throws(PromptTemplateError) -> PromptTemplate {
        guard text.utf8.count <= templateLimit else {
            throw .badChatTemplate(path: path, reason: "it is longer than \(templateLimit) bytes")
        }
        do throws(JinjaError) {
            return try ChatTemplate(source: text, tokens: tokens(configuration)).promptTemplate(name: nameOfModels)
        } catch {
            throw .badChatTemplate(path: path, reason: error.reason)
        }
    }

    /// The special tokens' spellings.
    static func tokens(_ configuration: JSONValue?) -> [String: String] {
        var tokens: [String: String] = [:]
        for name in ["bos_token", "eos_token", "unk_token", "pad_token"] {
            if let text = configuration?[name]?.text ?? configuration?[name]?["content"]?.text {
                tokens[name] = text
            }
        }
        return tokens
    }
}
