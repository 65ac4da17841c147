import Storage

/// A checkpoint's own chat template, for conversations of several turns.
package struct ConversationTemplate: Sendable {
    private let template: String
    /// The document that has the special tokens' spellings.
    private let configuration: JSONValue?
    private let path: String

    /// The chat template of the checkpoint in `directory`, a folder or a GGUF file.
    package static func ofModel(directory: String) throws(PromptTemplateError) -> ConversationTemplate {
        let source = try PromptTemplate.chatSource(directory: directory)
        let template = ConversationTemplate(
            template: source.text, configuration: source.configuration, path: source.path)
        // One that cannot be rendered is refused here, and not at the first turn.
        _ = try template.text(of: [ChatTurn(role: .user, content: "")])
        return template
    }

    /// The text that the model continues with its next turn.
    package func text(of turns: [ChatTurn]) throws(PromptTemplateError) -> String {
        var all = PromptTemplate.tokens(configuration).mapValues(JinjaValue.string)
        all["messages"] = .list(
            turns.map { .dictionary(["role": .string($0.role.rawValue), "content": .string($0.content)]) })
        all["add_generation_prompt"] = .bool(true)
        do throws(JinjaError) {
            return try JinjaRenderer.output(
                of: JinjaParser.statements(of: template), variables: all, limits: .of(turns)
            ).text
        } catch {
            throw .badChatTemplate(path: path, reason: error.reason)
        }
    }
}

extension PromptTemplate {
    /// A conversation in a template for single instructions: one filled template after another, each with its answer. What
    /// the system says goes before the first instruction; `input` is the context of the last.
    package func filled(_ turns: [ChatTurn], input: String = "") -> String {
        var text = ""
        var preface = ""
        for (index, turn) in turns.enumerated() {
            switch turn.role {
            case .system: preface += turn.content + "\n\n"
            case .user:
                text += filled(
                    instruction: preface + turn.content, context: index == turns.count - 1 ? input : "")
                preface = ""
            case .assistant:
                text += responseStart + turn.content + (responseEnd.isEmpty ? "\n\n" : responseEnd)
            }
        }
        return text
    }
}
