/// How an instruction and its context become the text that a model continues with the answer.
package struct PromptTemplate: Sendable, Hashable {
    /// The name it is known by, or the path it was read from.
    package let name: String
    /// What it is for, in a sentence.
    package let summary: String
    /// The text that the answer follows; empty where a template file does not say.
    package let responseMarker: String
    private let withContext: PromptPattern
    private let withoutContext: PromptPattern

    /// A template of two texts with `{instruction}` and, in the first only, `{input}`.
    package init(
        name: String, summary: String = "", withContext: String, withoutContext: String, responseMarker: String = ""
    ) throws(PromptTemplateError) {
        self.name = name
        self.summary = summary
        self.responseMarker = responseMarker
        self.withContext = try Self.pattern(withContext, field: "prompt_input", usesContext: true, name: name)
        self.withoutContext = try Self.pattern(withoutContext, field: "prompt_no_input", usesContext: false, name: name)
    }

    /// The prompt. An empty context takes the text without a place for one, as in Alpaca.
    package func filled(instruction: String, context: String = "") -> String {
        let pattern = context.isEmpty ? withoutContext : withContext
        return pattern.filled(instruction: instruction, context: context)
    }

    /// The prompt of a record.
    package func filled(_ record: InstructionRecord) -> String {
        filled(instruction: record.instruction, context: record.context)
    }

    private static func pattern(
        _ source: String, field: String, usesContext: Bool, name: String
    ) throws(PromptTemplateError) -> PromptPattern {
        do {
            return try PromptPattern(source, usesContext: usesContext)
        } catch {
            throw .badPlaceholder(template: name, field: field, reason: error.reason)
        }
    }
}
