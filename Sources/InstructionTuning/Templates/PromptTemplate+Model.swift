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
            let form = try ChatForm(template: text, variables: variables(configuration))
            return try form.promptTemplate(name: nameOfModels)
        } catch {
            throw .badChatTemplate(path: path, reason: error.reason)
        }
    }

    /// The special tokens' spellings.
    static func variables(_ configuration: JSONValue?) -> [String: JinjaValue] {
        var variables: [String: JinjaValue] = [:]
        for name in ["bos_token", "eos_token", "unk_token", "pad_token"] {
            if let text = configuration?[name]?.text ?? configuration?[name]?["content"]?.text {
                variables[name] = .string(text)
            }
        }
        return variables
    }
}

/// What a chat template puts around the contents of one turn of the user and one of the model.
struct ChatForm {
    private let before: String
    private let after: String
    private let start: String
    private let end: String
    private let trims: Bool

    // Private-use characters: no template names them, and no one is a letter or white space.
    private static let question = "\u{f8f1}\u{f8f2}\u{f8f3}"
    private static let answer = "\u{f8f4}\u{f8f5}\u{f8f6}"

    /// Renders `template` with marks for the contents.
    init(template: String, variables: [String: JinjaValue]) throws(JinjaError) {
        let statements = try JinjaParser.statements(of: template)
        func render(_ turns: [(String, String)], prompts: Bool) throws(JinjaError) -> String {
            var all = variables
            all["messages"] = .list(
                turns.map { .dictionary(["role": .string($0.0), "content": .string($0.1)]) })
            all["add_generation_prompt"] = .bool(prompts)
            return try JinjaRenderer.render(statements, variables: all)
        }
        // White space around the content tells whether the template trims it.
        let padded = " \n\(Self.question)\n "
        let prompt = try render([("user", padded)], prompts: true)
        trims = !prompt.contains(padded)
        let plain = try render([("user", Self.question)], prompts: true)
        (before, after) = try Self.parts(of: plain, around: Self.question)
        guard prompt == before + (trims ? Self.question : padded) + after else {
            throw JinjaError(reason: "it changes what the user says")
        }
        let conversation = try render([("user", Self.question), ("assistant", Self.answer)], prompts: false)
        let (head, tail) = try Self.parts(of: conversation, around: Self.answer)
        // What training shows must begin as what generation will give, or the answer would start elsewhere.
        guard head.utf8.starts(with: plain.utf8) else {
            throw JinjaError(reason: "an answered turn does not begin as the prompt for one")
        }
        start = String(decoding: head.utf8.dropFirst(plain.utf8.count), as: UTF8.self)
        // Line breaks behind the mark belong to the next turn.
        end = JinjaFunctions.stripped(tail, start: false)
    }

    /// What stands before and behind the one `mark` of `text`.
    private static func parts(of text: String, around mark: String) throws(JinjaError) -> (String, String) {
        let scalars = Array(text.unicodeScalars)
        let wanted = Array(mark.unicodeScalars)
        let places = scalars.indices.filter { scalars[$0...].starts(with: wanted) }
        guard places.count == 1, let place = places.first else {
            throw JinjaError(reason: "it writes a turn's content \(places.count) times")
        }
        func string(_ part: ArraySlice<Unicode.Scalar>) -> String {
            var view = String.UnicodeScalarView()
            view.append(contentsOf: part)
            return String(view)
        }
        return (string(scalars[..<place]), string(scalars[(place + wanted.count)...]))
    }

    /// The prompt template of this form.
    func promptTemplate(name: String) throws(JinjaError) -> PromptTemplate {
        func escaped(_ text: String) -> String {
            text.replacing("{", with: "{{").replacing("}", with: "}}")
        }
        do {
            return try PromptTemplate(
                name: name, summary: "the checkpoint's own chat template",
                withContext: escaped(before) + "{instruction}\n\n{input}" + escaped(after),
                withoutContext: escaped(before) + "{instruction}" + escaped(after), responseMarker: after,
                responseStart: start, responseEnd: end, addsSpecialTokens: false, trims: trims)
        } catch {
            throw JinjaError(reason: error.description)
        }
    }
}
