/// Jinja's filters, tests and operators, and the methods of Python's strings, as far as chat templates use them.
enum JinjaFunctions {
    /// The value of `base | name(arguments)`.
    static func filter(_ name: String, _ base: JinjaValue, _ arguments: [JinjaValue]) throws(JinjaError) -> JinjaValue {
        switch (name, base) {
        case ("trim", .string(let text)) where arguments.isEmpty: return .string(stripped(text))
        case ("length", .string(let text)), ("count", .string(let text)): return .int(text.unicodeScalars.count)
        case ("length", .list(let items)), ("count", .list(let items)): return .int(items.count)
        case ("length", .dictionary(let members)): return .int(members.count)
        case ("upper", .string(let text)): return .string(text.uppercased())
        case ("lower", .string(let text)): return .string(text.lowercased())
        case ("first", .list(let items)): return items.first ?? .undefined
        case ("last", .list(let items)): return items.last ?? .undefined
        case ("string", _):
            guard let text = base.text else { break }
            return .string(text)
        case ("default", _), ("d", _):
            if case .undefined = base { return arguments.first ?? .string("") }
            return base
        default: break
        }
        throw JinjaError(reason: "the filter \(name.prefix(40))")
    }

    /// Whether `base is name`.
    static func test(_ name: String, _ base: JinjaValue) throws(JinjaError) -> Bool {
        switch (name, base) {
        case ("defined", .undefined): false
        case ("defined", _): true
        case ("undefined", .undefined): true
        case ("undefined", _): false
        case ("none", .none): true
        case ("none", _): false
        case ("string", .string): true
        case ("string", _): false
        case ("mapping", .dictionary): true
        case ("mapping", _): false
        case ("iterable", .list), ("iterable", .dictionary), ("iterable", .string), ("sequence", .list),
            ("sequence", .string), ("sequence", .dictionary):
            true
        case ("iterable", _), ("sequence", _): false
        case ("true", .bool(let value)): value
        case ("false", .bool(let value)): !value
        case ("true", _), ("false", _): false
        case ("number", .int): true
        case ("number", _): false
        default: throw JinjaError(reason: "the test \(name.prefix(40))")
        }
    }

    /// The value of an operator that looks at both sides.
    static func binary(_ sign: String, _ left: JinjaValue, _ right: JinjaValue) throws(JinjaError) -> JinjaValue {
        switch (sign, left, right) {
        case ("==", _, _): return .bool(left.equals(right))
        case ("!=", _, _): return .bool(!left.equals(right))
        case ("+", .string(let first), .string(let second)): return .string(first + second)
        case ("+", .list(let first), .list(let second)): return .list(first + second)
        case ("~", _, _):
            guard let first = left.text, let second = right.text else { break }
            return .string(first + second)
        case ("in", .string(let part), .string(let whole)): return .bool(contains(whole, part))
        case ("in", _, .list(let items)): return .bool(items.contains { $0.equals(left) })
        case ("in", .string(let name), .dictionary(let members)): return .bool(members[name] != nil)
        default:
            if let first = left.number, let second = right.number, let value = number(sign, first, second) {
                return value
            }
        }
        throw JinjaError(reason: "\(sign) between these values")
    }

    private static func number(_ sign: String, _ left: Int, _ right: Int) -> JinjaValue? {
        func checked(_ result: (partialValue: Int, overflow: Bool)) -> JinjaValue? {
            result.overflow ? nil : .int(result.partialValue)
        }
        switch sign {
        case "+": return checked(left.addingReportingOverflow(right))
        case "-": return checked(left.subtractingReportingOverflow(right))
        case "*": return checked(left.multipliedReportingOverflow(by: right))
        // Python rounds down; templates divide what is not negative.
        case "%": return right > 0 && left >= 0 ? .int(left % right) : nil
        case "//": return right > 0 && left >= 0 ? .int(left / right) : nil
        case "<": return .bool(left < right)
        case ">": return .bool(left > right)
        case "<=": return .bool(left <= right)
        case ">=": return .bool(left >= right)
        default: return nil
        }
    }

    /// The value of `base.name(arguments)`.
    static func method(_ name: String, _ base: JinjaValue, _ arguments: [JinjaValue]) throws(JinjaError) -> JinjaValue {
        switch (name, base, arguments.first) {
        case ("strip", .string(let text), nil): return .string(stripped(text))
        case ("lstrip", .string(let text), nil): return .string(stripped(text, end: false))
        case ("rstrip", .string(let text), nil): return .string(stripped(text, start: false))
        case ("startswith", .string(let text), .string(let part)):
            return .bool(text.utf8.starts(with: part.utf8))
        // By bytes, as Swift's own comparison takes canonically equivalent texts for equal.
        case ("endswith", .string(let text), .string(let part)):
            return .bool(text.utf8.reversed().starts(with: part.utf8.reversed()))
        case ("upper", .string(let text), nil): return .string(text.uppercased())
        case ("lower", .string(let text), nil): return .string(text.lowercased())
        case ("get", .dictionary(let members), .string(let key)):
            return members[key] ?? (arguments.count > 1 ? arguments[1] : .none)
        default: throw JinjaError(reason: "the method \(name.prefix(40))")
        }
    }

    /// Text without the white space around it.
    static func stripped(_ text: String, start: Bool = true, end: Bool = true) -> String {
        var scalars = text.unicodeScalars[...]
        while start, scalars.first?.properties.isWhitespace == true { scalars.removeFirst() }
        while end, scalars.last?.properties.isWhitespace == true { scalars.removeLast() }
        return String(scalars)
    }

    private static func contains(_ whole: String, _ part: String) -> Bool {
        let wanted = Array(part.utf8)
        let bytes = Array(whole.utf8)
        guard !wanted.isEmpty else { return true }
        guard bytes.count >= wanted.count else { return false }
        return (0...bytes.count - wanted.count).contains { bytes[$0...].starts(with: wanted) }
    }
}
