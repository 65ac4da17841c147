/// Reads an expression, with Jinja's precedence: conditional, or, and, not, comparison, sums, concatenation, products, then
/// what stands behind a value.
struct JinjaExpressionParser {
    private let tokens: [JinjaLexer.Token]
    private var position = 0
    private var depth = 0

    // Chains such as `1 + 1 + …` make trees as deep as they are long, which are read and rendered by calls of calls; the
    // stack has room for this many. Real templates have some dozen tokens in an expression.
    private static let tokenLimit = 1000

    init(_ tokens: [JinjaLexer.Token]) {
        self.tokens = tokens
    }

    /// The expression that is all of the remaining tokens.
    mutating func whole() throws(JinjaError) -> JinjaExpression {
        let expression = try expression()
        guard position == tokens.count else { throw JinjaError(reason: "something behind an expression") }
        return expression
    }

    /// Takes the sign where it comes next.
    mutating func take(_ sign: String) -> Bool {
        guard position < tokens.count, tokens[position] == .sign(sign) else { return false }
        position += 1
        return true
    }

    /// Takes the next token, a word.
    mutating func word() throws(JinjaError) -> String {
        guard position < tokens.count, case .name(let word) = tokens[position] else {
            throw JinjaError(reason: "a name is missing")
        }
        position += 1
        return word
    }

    private mutating func takeWord(_ word: String) -> Bool {
        guard position < tokens.count, tokens[position] == .name(word) else { return false }
        position += 1
        return true
    }

    private mutating func expression() throws(JinjaError) -> JinjaExpression {
        depth += 1
        defer { depth -= 1 }
        guard depth <= JinjaParser.depthLimit else { throw JinjaError(reason: "expressions are nested too deeply") }
        guard tokens.count <= Self.tokenLimit else {
            throw JinjaError(reason: "an expression of \(tokens.count) signs and words is too long")
        }
        let value = try disjunction()
        guard takeWord("if") else { return value }
        let condition = try disjunction()
        return .conditional(condition, then: value, otherwise: takeWord("else") ? try expression() : nil)
    }

    private mutating func disjunction() throws(JinjaError) -> JinjaExpression {
        var left = try conjunction()
        while takeWord("or") { left = .binary("or", left, try conjunction()) }
        return left
    }

    private mutating func conjunction() throws(JinjaError) -> JinjaExpression {
        var left = try negation()
        while takeWord("and") { left = .binary("and", left, try negation()) }
        return left
    }

    private mutating func negation() throws(JinjaError) -> JinjaExpression {
        var count = 0
        while takeWord("not") { count += 1 }
        let value = try comparison()
        if count == 0 { return value }
        // Two negations are not none: they make a truth value of whatever stands there.
        return count.isMultiple(of: 2) ? .not(.not(value)) : .not(value)
    }

    private mutating func comparison() throws(JinjaError) -> JinjaExpression {
        let left = try sum()
        // One comparison only: chains of them, which Python has, occur in no template.
        for sign in ["==", "!=", "<=", ">=", "<", ">"] where take(sign) { return .binary(sign, left, try sum()) }
        if takeWord("in") { return .binary("in", left, try sum()) }
        // Here `not` belongs to `in`; before a comparison it was taken as a negation.
        if position + 1 < tokens.count, tokens[position] == .name("not"), tokens[position + 1] == .name("in") {
            position += 2
            return .not(.binary("in", left, try sum()))
        }
        return left
    }

    private mutating func sum() throws(JinjaError) -> JinjaExpression {
        var left = try concatenation()
        while true {
            if take("+") {
                left = .binary("+", left, try concatenation())
            } else if take("-") {
                left = .binary("-", left, try concatenation())
            } else {
                return left
            }
        }
    }

    private mutating func concatenation() throws(JinjaError) -> JinjaExpression {
        var left = try product()
        while take("~") { left = .binary("~", left, try product()) }
        return left
    }

    private mutating func product() throws(JinjaError) -> JinjaExpression {
        var left = try value()
        while true {
            if take("*") {
                left = .binary("*", left, try value())
            } else if take("//") {
                left = .binary("//", left, try value())
            } else if take("%") {
                left = .binary("%", left, try value())
            } else {
                return left
            }
        }
    }

    private mutating func value() throws(JinjaError) -> JinjaExpression {
        if take("-") { return .binary("-", .literal(.int(0)), try value()) }
        var result = try primary()
        while true {
            if take(".") {
                result = .member(result, try word())
            } else if take("[") {
                result = try subscripted(result)
            } else if take("(") {
                let (arguments, named) = try self.arguments()
                result = .call(result, arguments, named: named)
            } else if take("|") {
                let name = try word()
                result = .filter(result, name, take("(") ? try arguments().0 : [])
            } else if takeWord("is") {
                let isNegated = takeWord("not")
                result = .test(result, try word(), isNegated: isNegated)
            } else {
                return result
            }
        }
    }

    private mutating func subscripted(_ base: JinjaExpression) throws(JinjaError) -> JinjaExpression {
        var bounds: [JinjaExpression?] = [nil]
        while !take("]") {
            if take(":") {
                bounds.append(nil)
            } else {
                guard bounds[bounds.count - 1] == nil else { throw JinjaError(reason: "a ] is missing") }
                bounds[bounds.count - 1] = try expression()
            }
            guard position < tokens.count, bounds.count <= 3 else { throw JinjaError(reason: "a ] is missing") }
        }
        if bounds.count > 1 {
            return .slice(base, from: bounds[0], to: bounds[1], step: bounds.count > 2 ? bounds[2] : nil)
        }
        guard let index = bounds[0] else { throw JinjaError(reason: "an index is missing") }
        return .index(base, index)
    }

    /// The arguments up to the closing parenthesis.
    private mutating func arguments() throws(JinjaError) -> ([JinjaExpression], [(String, JinjaExpression)]) {
        var plain: [JinjaExpression] = []
        var named: [(String, JinjaExpression)] = []
        while !take(")") {
            if position + 1 < tokens.count, case .name(let name) = tokens[position], tokens[position + 1] == .sign("=")
            {
                position += 2
                named.append((name, try expression()))
            } else {
                plain.append(try expression())
            }
            if take(")") { break }
            guard take(",") else { throw JinjaError(reason: "a ) is missing") }
        }
        return (plain, named)
    }

    private mutating func primary() throws(JinjaError) -> JinjaExpression {
        guard position < tokens.count else { throw JinjaError(reason: "an expression ends early") }
        let token = tokens[position]
        position += 1
        switch token {
        case .string(let first):
            // Strings side by side are one.
            var text = first
            while position < tokens.count, case .string(let more) = tokens[position] {
                text += more
                position += 1
            }
            return .literal(.string(text))
        case .number(let number): return .literal(.int(number))
        case .name("true"), .name("True"): return .literal(.bool(true))
        case .name("false"), .name("False"): return .literal(.bool(false))
        case .name("none"), .name("None"): return .literal(.none)
        case .name(let name): return .name(name)
        case .sign("("):
            let inner = try expression()
            guard take(")") else { throw JinjaError(reason: "a ) is missing") }
            return inner
        case .sign("["):
            var items: [JinjaExpression] = []
            while !take("]") {
                items.append(try expression())
                if take("]") { break }
                guard take(",") else { throw JinjaError(reason: "a ] is missing") }
            }
            return .list(items)
        case .sign("{"):
            var members: [(JinjaExpression, JinjaExpression)] = []
            while !take("}") {
                let key = try expression()
                guard take(":") else { throw JinjaError(reason: "a : is missing") }
                members.append((key, try expression()))
                if take("}") { break }
                guard take(",") else { throw JinjaError(reason: "a } is missing") }
            }
            return .dictionary(members)
        case .sign(let sign): throw JinjaError(reason: "the sign \(sign) where a value belongs")
        }
    }
}
