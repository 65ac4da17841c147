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
