/// Reads the statements of a chat template.
struct JinjaParser {
    private let pieces: [JinjaLexer.Piece]
    private var position = 0
    private var depth = 0

    static let depthLimit = 48

    /// The statements of `text`. Throws for anything that chat templates of the common forms do not use.
    static func statements(of text: String) throws(JinjaError) -> [JinjaStatement] {
        var parser = JinjaParser(pieces: try JinjaLexer.pieces(of: text))
        let (body, end) = try parser.body(until: [])
        precondition(end == nil, "without an end the body is all")
        return body
    }

    private init(pieces: [JinjaLexer.Piece]) {
        self.pieces = pieces
    }

    /// The statements up to one that begins with a word of `ends`, and that one's tokens.
    private mutating func body(
        until ends: [String]
    ) throws(JinjaError) -> ([JinjaStatement], [JinjaLexer.Token]?) {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.depthLimit else { throw JinjaError(reason: "statements are nested too deeply") }
        var result: [JinjaStatement] = []
        while position < pieces.count {
            let piece = pieces[position]
            position += 1
            switch piece {
            case .text(let text): result.append(.text(text))
            case .output(let tokens):
                var expression = JinjaExpressionParser(tokens)
                result.append(.output(try expression.whole()))
            case .statement(let tokens):
                guard case .name(let word)? = tokens.first else {
                    throw JinjaError(reason: "a statement without a word")
                }
                if ends.contains(word) { return (result, tokens) }
                result += try statement(word, JinjaExpressionParser(Array(tokens.dropFirst())))
            }
        }
        guard ends.isEmpty else { throw JinjaError(reason: "\(ends.joined(separator: " or ")) is missing") }
        return (result, nil)
    }

    private mutating func statement(
        _ word: String, _ rest: JinjaExpressionParser
    ) throws(JinjaError) -> [JinjaStatement] {
        var tokens = rest
        switch word {
        case "if": return [try branch(condition: try tokens.whole())]
        case "for": return [try loop(&tokens)]
        case "set":
            let name = try tokens.word()
            let member = tokens.take(".") ? try tokens.word() : nil
            guard tokens.take("=") else { throw JinjaError(reason: "a set without =") }
            return [.assignment(name: name, member: member, value: try tokens.whole())]
        case "generation":
            return [.generation(try body(until: ["endgeneration"]).0)]
        default: throw JinjaError(reason: "the statement \(word.prefix(40))")
        }
    }

    private mutating func branch(condition first: JinjaExpression) throws(JinjaError) -> JinjaStatement {
        var branches: [(condition: JinjaExpression, body: [JinjaStatement])] = []
        var condition = first
        while true {
            let (body, end) = try body(until: ["elif", "else", "endif"])
            branches.append((condition, body))
            switch end?.first {
            case .name("elif"):
                var tokens = JinjaExpressionParser(Array((end ?? []).dropFirst()))
                condition = try tokens.whole()
            case .name("else"):
                return .branch(branches, otherwise: try self.body(until: ["endif"]).0)
            default: return .branch(branches, otherwise: [])
            }
        }
    }

    private mutating func loop(_ tokens: inout JinjaExpressionParser) throws(JinjaError) -> JinjaStatement {
        var variables = [try tokens.word()]
        while tokens.take(",") { variables.append(try tokens.word()) }
        guard try tokens.word() == "in" else { throw JinjaError(reason: "a for without in") }
        let values = try tokens.whole()
        return .loop(variables: variables, over: values, body: try body(until: ["endfor"]).0)
    }
}

/// An expression of a chat template.
indirect enum JinjaExpression: Sendable {
    case literal(JinjaValue)
    case name(String)
    case list([JinjaExpression])
    case dictionary([(JinjaExpression, JinjaExpression)])
    case member(JinjaExpression, String)
    case index(JinjaExpression, JinjaExpression)
    case slice(JinjaExpression, from: JinjaExpression?, to: JinjaExpression?, step: JinjaExpression?)
    case call(JinjaExpression, [JinjaExpression], named: [(String, JinjaExpression)])
    case filter(JinjaExpression, String, [JinjaExpression])
    case test(JinjaExpression, String, isNegated: Bool)
    case not(JinjaExpression)
    case binary(String, JinjaExpression, JinjaExpression)
    case conditional(JinjaExpression, then: JinjaExpression, otherwise: JinjaExpression?)
}

/// A statement of a chat template.
indirect enum JinjaStatement: Sendable {
    case text(String)
    case output(JinjaExpression)
    case branch([(condition: JinjaExpression, body: [JinjaStatement])], otherwise: [JinjaStatement])
    case loop(variables: [String], over: JinjaExpression, body: [JinjaStatement])
    case assignment(name: String, member: String?, value: JinjaExpression)
    /// What the assistant says, as templates mark it for transformers; the mark writes nothing.
    case generation([JinjaStatement])
}

/// Why a chat template cannot be read or rendered.
struct JinjaError: Error, Equatable {
    let reason: String
}
