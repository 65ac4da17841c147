/// How an instruction and its context become the text that a model continues with the answer.
package struct PromptTemplate: Sendable, Hashable {
    /// The name it is known by, or the path it was read from.
    package let name: String
    /// What it is for, in a sentence.
    package let summary: String
    /// The text that the answer follows; empty where a template file does not say.
    package let responseMarker: String
    /// What stands between prompt and answer, and belongs to the answer's tokens: a space in Llama 2's form.
    package let responseStart: String
    /// What ends the answer instead of the tokenizer's end token; empty for that token.
    package let responseEnd: String
    /// Whether the tokenizer's post-processor adds its tokens; chat forms spell all tokens out themselves.
    package let addsSpecialTokens: Bool
    /// Whether white space around instruction and context is cut, as some chat forms do.
    package let trims: Bool
    private let withContext: PromptPattern
    private let withoutContext: PromptPattern

    /// A template of two texts with `{instruction}` and, in the first only, `{input}`.
    package init(
        name: String, summary: String = "", withContext: String, withoutContext: String, responseMarker: String = "",
        responseStart: String = "", responseEnd: String = "", addsSpecialTokens: Bool = true, trims: Bool = false
    ) throws(PromptTemplateError) {
        self.name = name
        self.summary = summary
        self.responseMarker = responseMarker
        self.responseStart = responseStart
        self.responseEnd = responseEnd
        self.addsSpecialTokens = addsSpecialTokens
        self.trims = trims
        self.withContext = try Self.pattern(withContext, field: "prompt_input", usesContext: true, name: name)
        self.withoutContext = try Self.pattern(withoutContext, field: "prompt_no_input", usesContext: false, name: name)
    }

    /// The prompt. An empty context takes the text without a place for one, as in Alpaca.
    package func filled(instruction: String, context: String = "") -> String {
        let instruction = trims ? Self.trimmed(instruction) : instruction
        let context = trims ? Self.trimmed(context) : context
        let pattern = context.isEmpty ? withoutContext : withContext
        return pattern.filled(instruction: instruction, context: context)
    }

    /// The prompt of a record.
    package func filled(_ record: InstructionRecord) -> String {
        filled(instruction: record.instruction, context: record.context)
    }

    private static func trimmed(_ text: String) -> String {
        let scalars = text.unicodeScalars
        guard let first = scalars.firstIndex(where: { !$0.properties.isWhitespace }),
            let last = scalars.lastIndex(where: { !$0.properties.isWhitespace })
        else { return "" }
        return String(text[first...last])
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
