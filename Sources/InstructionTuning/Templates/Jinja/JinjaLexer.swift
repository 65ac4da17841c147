/// Cuts a chat template into text, outputs and statements, with the white space of transformers' settings: a line break
/// behind a statement and the indentation before it vanish (`trim_blocks`, `lstrip_blocks`).
struct JinjaLexer {
    enum Token: Equatable {
        case name(String)
        case number(Int)
        case string(String)
        case sign(String)
    }

    enum Piece: Equatable {
        case text(String)
        case output([Token])
        case statement([Token])
    }

    private let source: [Unicode.Scalar]
    private var position = 0

    private init(_ text: String) {
        var scalars = Array(text.unicodeScalars)
        // As Jinja does with the file's last line break.
        if scalars.last == "\n" { scalars.removeLast() }
        source = scalars
    }

    static func pieces(of text: String) throws(JinjaError) -> [Piece] {
        var lexer = JinjaLexer(text)
        return try lexer.read()
    }

    private mutating func read() throws(JinjaError) -> [Piece] {
        var pieces: [Piece] = []
        var text: [Unicode.Scalar] = []
        var isLineStart = true
        var cutsLeading = false
        while position < source.count {
            guard let opening = opening() else {
                if !(cutsLeading && source[position].properties.isWhitespace) {
                    cutsLeading = false
                    text.append(source[position])
                }
                position += 1
                continue
            }
            position += 2
            let mark = position < source.count ? source[position] : " "
            if mark == "-" || mark == "+" { position += 1 }
            if mark == "-" {
                while text.last?.properties.isWhitespace == true { text.removeLast() }
            } else if mark != "+", opening != "{" {
                Self.cutIndentation(of: &text, isLineStart: isLineStart)
            }
            if !text.isEmpty { pieces.append(.text(Self.string(text))) }
            text = []
            let closing: Unicode.Scalar = opening == "{" ? "}" : opening
            if opening == "#" {
                cutsLeading = try skipComment()
            } else {
                let (tokens, cuts) = try tokens(until: closing)
                cutsLeading = cuts
                pieces.append(opening == "{" ? .output(tokens) : .statement(tokens))
            }
            isLineStart = false
            if opening != "{", !cutsLeading, position < source.count, source[position] == "\n" {
                position += 1
                isLineStart = true
            }
        }
        if !text.isEmpty { pieces.append(.text(Self.string(text))) }
        return pieces
    }

    /// `{`, `%` or `#` where a piece begins at the position.
    private func opening() -> Unicode.Scalar? {
        guard source[position] == "{", position + 1 < source.count else { return nil }
        let next = source[position + 1]
        return next == "{" || next == "%" || next == "#" ? next : nil
    }

    private static func cutIndentation(of text: inout [Unicode.Scalar], isLineStart: Bool) {
        let lastBreak = text.lastIndex(of: "\n")
        guard lastBreak != nil || isLineStart else { return }
        let start = lastBreak.map { $0 + 1 } ?? 0
        if text[start...].allSatisfy({ $0 == " " || $0 == "\t" }) { text.removeSubrange(start...) }
    }

    private mutating func skipComment() throws(JinjaError) -> Bool {
        while position + 1 < source.count {
            if source[position] == "#", source[position + 1] == "}" {
                let cuts = source[position - 1] == "-"
                position += 2
                return cuts
            }
            position += 1
        }
        throw JinjaError(reason: "a comment does not end")
    }

    /// The tokens up to the end of the piece, and whether white space behind it is cut.
    private mutating func tokens(until closing: Unicode.Scalar) throws(JinjaError) -> ([Token], Bool) {
        var tokens: [Token] = []
        var depth = 0
        while position < source.count {
            let scalar = source[position]
            if scalar.properties.isWhitespace {
                position += 1
                continue
            }
            let isCut = scalar == "-"
            let end = isCut ? position + 1 : position
            if depth == 0, end + 1 < source.count, source[end] == closing, source[end + 1] == "}" {
                position = end + 2
                return (tokens, isCut)
            }
            if scalar == "'" || scalar == "\"" {
                tokens.append(.string(try string(quotedBy: scalar)))
            } else if Self.isWord(scalar) {
                tokens.append(try word())
            } else {
                let sign = try self.sign()
                if ["(", "[", "{"].contains(sign) { depth += 1 }
                if [")", "]", "}"].contains(sign) { depth = max(0, depth - 1) }
                tokens.append(.sign(sign))
            }
        }
        throw JinjaError(reason: "an expression or a statement does not end")
    }

    private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
        scalar == "_" || (scalar.isASCII && (scalar.properties.isAlphabetic || scalar.properties.numericType != nil))
    }

    private mutating func word() throws(JinjaError) -> Token {
        let start = position
        while position < source.count, Self.isWord(source[position]) { position += 1 }
        let text = Self.string(Array(source[start..<position]))
        guard text.utf8.first.map({ (0x30...0x39).contains($0) }) == true else { return .name(text) }
        guard let number = Int(text) else { throw JinjaError(reason: "the number \(text.prefix(40))") }
        return .number(number)
    }

    private mutating func string(quotedBy quote: Unicode.Scalar) throws(JinjaError) -> String {
        position += 1
        var text: [Unicode.Scalar] = []
        while position < source.count {
            let scalar = source[position]
            position += 1
            if scalar == quote { return Self.string(text) }
            guard scalar == "\\", position < source.count else {
                text.append(scalar)
                continue
            }
            let escaped = source[position]
            position += 1
            switch escaped {
            case "n": text.append("\n")
            case "t": text.append("\t")
            case "r": text.append("\r")
            case "\\", "'", "\"": text.append(escaped)
            default: throw JinjaError(reason: "the escape \\\(escaped)")
            }
        }
        throw JinjaError(reason: "a string does not end")
    }

    private mutating func sign() throws(JinjaError) -> String {
        if position + 1 < source.count {
            let pair = Self.string(Array(source[position...position + 1]))
            if ["==", "!=", "<=", ">=", "//"].contains(pair) {
                position += 2
                return pair
            }
        }
        let single = Self.string([source[position]])
        guard "+-*/%~|.,:()[]{}=<>".contains(single) else {
            throw JinjaError(reason: "the character \(single.debugDescription)")
        }
        position += 1
        return single
    }

    private static func string(_ scalars: [Unicode.Scalar]) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view)
    }
}
