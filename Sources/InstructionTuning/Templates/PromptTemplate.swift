package import Storage

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
    /// The chat template that conversations of several turns are written with; nil for a form of single turns.
    package let conversation: ChatTemplate?
    private let withContext: PromptPattern
    private let withoutContext: PromptPattern

    /// A template of two texts with `{instruction}` and, in the first only, `{input}`.
    package init(
        name: String, summary: String = "", withContext: String, withoutContext: String, responseMarker: String = "",
        responseStart: String = "", responseEnd: String = "", addsSpecialTokens: Bool = true, trims: Bool = false,
        conversation: ChatTemplate? = nil
    ) throws(PromptTemplateError) {
        self.name = name
        self.conversation = conversation
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
        // After trimming: a context of white space alone counts as none.
        let pattern = context.isEmpty ? withoutContext : withContext
        return pattern.filled(instruction: instruction, context: context)
    }

    /// The prompt of a record, with what was said before it.
    package func filled(_ record: InstructionRecord) -> String {
        // A history that cannot be written refuses the record where it is encoded.
        if isConversation(record), let conversation,
            let text = try? conversation.text(of: record.turns.dropLast(), prompts: true)
        {
            return text
        }
        return filled(instruction: record.instruction, context: record.context)
    }

    /// Whether a record is written by the chat template turn by turn: it has a history, or the template says itself what
    /// an answer is.
    func isConversation(_ record: InstructionRecord) -> Bool {
        !record.history.isEmpty || conversation?.marksAnswers == true
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

/// A text with places for an instruction and its context, written as Python's `str.format` takes it: `{instruction}`,
/// `{input}`, and `{{` and `}}` for braces.
struct PromptPattern: Sendable, Hashable {
    private enum Piece: Hashable, Sendable {
        case text(String)
        case instruction
        case context
    }

    private let pieces: [Piece]

    /// Why a text is no pattern.
    struct Fault: Error {
        let reason: String
    }

    /// Reads the pattern; `usesContext` says whether `{input}` must be there or must not.
    init(_ source: String, usesContext: Bool) throws(Fault) {
        var pieces: [Piece] = []
        var text = ""
        var rest = Array(source.unicodeScalars)[...]
        while let scalar = rest.popFirst() {
            guard scalar == "{" || scalar == "}" else {
                text.unicodeScalars.append(scalar)
                continue
            }
            if rest.first == scalar {
                rest = rest.dropFirst()
                text.unicodeScalars.append(scalar)
                continue
            }
            guard scalar == "{" else { throw Fault(reason: "a } without its {") }
            guard let end = rest.firstIndex(of: "}") else { throw Fault(reason: "a { without its }") }
            var name = ""
            name.unicodeScalars.append(contentsOf: rest[..<end])
            rest = rest[(end + 1)...]
            if !text.isEmpty { pieces.append(.text(text)) }
            text = ""
            switch name {
            case "instruction": pieces.append(.instruction)
            case "input" where usesContext: pieces.append(.context)
            case "input": throw Fault(reason: "{input} in the text for instructions without a context")
            default: throw Fault(reason: "the placeholder {\(name)} is neither {instruction} nor {input}")
            }
        }
        if !text.isEmpty { pieces.append(.text(text)) }
        guard pieces.contains(.instruction) else { throw Fault(reason: "{instruction} is missing") }
        guard !usesContext || pieces.contains(.context) else { throw Fault(reason: "{input} is missing") }
        self.pieces = pieces
    }

    /// The text with its places filled, in one pass: braces within an instruction are text.
    func filled(instruction: String, context: String) -> String {
        var result = ""
        for piece in pieces {
            switch piece {
            case .text(let text): result += text
            case .instruction: result += instruction
            case .context: result += context
            }
        }
        return result
    }
}

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
