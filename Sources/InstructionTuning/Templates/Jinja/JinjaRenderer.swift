/// Renders a chat template: the part of Jinja that the templates of common chat models use. Whatever else a template asks
/// for on the way is an error, never a guess.
struct JinjaRenderer {
    /// What rendering gave.
    struct Output {
        var text = ""
        /// The parts of the text that the template marks as the assistant's, in bytes of UTF-8.
        var generations: [Range<Int>] = []
    }

    /// How far a template is rendered before it counts as one that does not come to an end.
    struct Limits {
        var steps: Int
        var bytes: Int

        // A template of a few turns takes some hundred steps, and no prompt has a million bytes around its contents; a loop
        // that doubles a text has them in twenty turns.
        static let form = Limits(steps: 20_000, bytes: 1 << 20)

        /// As many steps again for every turn; the contents are written a few times at most.
        static func of(_ turns: [ChatTurn]) -> Limits {
            Limits(
                steps: form.steps + 4_000 * turns.count,
                bytes: form.bytes + 4 * turns.reduce(0) { $0 + $1.content.utf8.count })
        }
    }

    private var scopes: [[String: JinjaValue]]
    private var namespaces: [[String: JinjaValue]] = []
    private var output = Output()
    private var steps = 0
    private let limits: Limits

    /// What `statements` write with these variables.
    static func output(
        of statements: [JinjaStatement], variables: [String: JinjaValue], limits: Limits
    ) throws(JinjaError) -> Output {
        var renderer = JinjaRenderer(scopes: [variables], limits: limits)
        try renderer.run(statements)
        return renderer.output
    }

    private init(scopes: [[String: JinjaValue]], limits: Limits) {
        self.scopes = scopes
        self.limits = limits
    }

    private mutating func count() throws(JinjaError) {
        steps += 1
        guard steps <= limits.steps, output.text.utf8.count <= limits.bytes else {
            throw JinjaError(reason: "the template does not come to an end")
        }
    }

    private mutating func run(_ statements: [JinjaStatement]) throws(JinjaError) {
        for statement in statements {
            try count()
            switch statement {
            case .text(let text): output.text += text
            case .output(let expression):
                guard let text = try value(expression).text else { throw JinjaError(reason: "a list is written") }
                output.text += text
            case .branch(let branches, let otherwise):
                var isDone = false
                for branch in branches where !isDone {
                    guard try value(branch.condition).isTrue else { continue }
                    try run(branch.body)
                    isDone = true
                }
                if !isDone { try run(otherwise) }
            case .loop(let variables, let over, let body): try loop(variables, over: try value(over), body)
            case .generation(let body):
                let start = output.text.utf8.count
                try run(body)
                output.generations.append(start..<output.text.utf8.count)
            case .assignment(let name, let member, let expression):
                let value = try value(expression)
                if let member {
                    guard case .namespace(let space) = lookUp(name) else {
                        throw JinjaError(reason: "\(name) is no namespace")
                    }
                    namespaces[space][member] = value
                } else {
                    scopes[scopes.count - 1][name] = value
                }
            }
        }
    }

    private mutating func loop(
        _ variables: [String], over values: JinjaValue, _ body: [JinjaStatement]
    ) throws(JinjaError) {
        guard case .list(let items) = values, variables.count == 1 else {
            // As in Jinja: a template asks `for tool in tools` also where nobody gave any.
            if case .undefined = values { return }
            throw JinjaError(reason: "a loop over something that is no list of messages")
        }
        for (index, item) in items.enumerated() {
            let loop: [String: JinjaValue] = [
                "index": .int(index + 1), "index0": .int(index), "first": .bool(index == 0),
                "last": .bool(index + 1 == items.count), "length": .int(items.count),
                "revindex0": .int(items.count - 1 - index), "revindex": .int(items.count - index),
                "previtem": index > 0 ? items[index - 1] : .undefined,
                "nextitem": index + 1 < items.count ? items[index + 1] : .undefined,
            ]
            scopes.append([variables[0]: item, "loop": .dictionary(loop)])
            defer { scopes.removeLast() }
            try run(body)
        }
    }

    private func lookUp(_ name: String) -> JinjaValue {
        for scope in scopes.reversed() {
            if let value = scope[name] { return value }
        }
        return .undefined
    }

    private mutating func value(_ expression: JinjaExpression) throws(JinjaError) -> JinjaValue {
        try count()
        switch expression {
        case .literal(let value): return value
        case .name(let name): return lookUp(name)
        case .list(let items):
            var values: [JinjaValue] = []
            for item in items { values.append(try value(item)) }
            return .list(values)
        case .dictionary(let members):
            var result: [String: JinjaValue] = [:]
            for (key, member) in members {
                guard case .string(let name) = try value(key) else { throw JinjaError(reason: "a key is no string") }
                result[name] = try value(member)
            }
            return .dictionary(result)
        case .member(let base, let name): return try member(name, of: try value(base))
        case .index(let base, let index): return try element(try value(index), of: try value(base))
        case .slice(let base, let from, let to, let step):
            return try slice(try value(base), from: from, to: to, step: step)
        case .call(let callee, let arguments, let named): return try call(callee, arguments, named)
        case .filter(let base, let name, let arguments):
            let base = try value(base)
            return try JinjaFunctions.filter(name, base, try values(arguments))
        case .test(let base, let name, let isNegated):
            let result = try JinjaFunctions.test(name, try value(base))
            return .bool(result != isNegated)
        case .not(let inner): return .bool(!(try value(inner).isTrue))
        case .binary(let sign, let left, let right): return try binary(sign, left, right)
        case .conditional(let condition, let then, let otherwise):
            if try value(condition).isTrue { return try value(then) }
            return try otherwise.map { (inner) throws(JinjaError) in try value(inner) } ?? .undefined
        }
    }

    private mutating func values(_ expressions: [JinjaExpression]) throws(JinjaError) -> [JinjaValue] {
        var result: [JinjaValue] = []
        for expression in expressions { result.append(try value(expression)) }
        return result
    }

    private mutating func binary(
        _ sign: String, _ left: JinjaExpression, _ right: JinjaExpression
    ) throws(JinjaError) -> JinjaValue {
        let first = try value(left)
        // As in Python the result is one of the values, not a truth value, and the right side may stay unread.
        if sign == "and" { return first.isTrue ? try value(right) : first }
        if sign == "or" { return first.isTrue ? first : try value(right) }
        return try JinjaFunctions.binary(sign, first, try value(right))
    }

    private func member(_ name: String, of base: JinjaValue) throws(JinjaError) -> JinjaValue {
        switch base {
        case .dictionary(let members): members[name] ?? .undefined
        case .namespace(let space): namespaces[space][name] ?? .undefined
        case .undefined, .none: throw JinjaError(reason: "the member \(name.prefix(40)) of nothing")
        default: .undefined
        }
    }

    private func element(_ index: JinjaValue, of base: JinjaValue) throws(JinjaError) -> JinjaValue {
        switch (base, index) {
        case (.list(let items), .int(let number)):
            let place = number < 0 ? items.count + number : number
            return items.indices.contains(place) ? items[place] : .undefined
        case (_, .string(let name)): return try member(name, of: base)
        default: throw JinjaError(reason: "an index that is none")
        }
    }

    private mutating func slice(
        _ base: JinjaValue, from: JinjaExpression?, to: JinjaExpression?, step: JinjaExpression?
    ) throws(JinjaError) -> JinjaValue {
        guard case .list(let items) = base else { throw JinjaError(reason: "a part of something that is no list") }
        func bound(_ value: JinjaValue, default fallback: Int) throws(JinjaError) -> Int {
            if case .undefined = value { return fallback }
            guard case .int(let number) = value else { throw JinjaError(reason: "a bound that is no number") }
            let place = number < 0 ? max(0, items.count &+ number) : number
            return min(items.count, max(0, place))
        }
        var ends: [JinjaValue] = [.undefined, .undefined, .undefined]
        for (place, expression) in [from, to, step].enumerated() {
            if let expression { ends[place] = try value(expression) }
        }
        let isReversed = if case .int(-1) = ends[2] { true } else { false }
        // `messages[::-1]` is the one step that templates take.
        if isReversed, from == nil, to == nil { return .list(items.reversed()) }
        guard case .undefined = ends[2] else { throw JinjaError(reason: "a part with a step") }
        let start = try bound(ends[0], default: 0)
        let end = try bound(ends[1], default: items.count)
        return .list(start < end ? Array(items[start..<end]) : [])
    }

    private mutating func call(
        _ callee: JinjaExpression, _ arguments: [JinjaExpression], _ named: [(String, JinjaExpression)]
    ) throws(JinjaError) -> JinjaValue {
        switch callee {
        case .name("namespace"):
            var members: [String: JinjaValue] = [:]
            for (name, expression) in named { members[name] = try value(expression) }
            namespaces.append(members)
            return .namespace(namespaces.count - 1)
        case .name("raise_exception"):
            let message = try values(arguments).first?.text ?? ""
            throw JinjaError(reason: "the template refuses it: \(message.prefix(200))")
        case .member(let base, let method):
            return try JinjaFunctions.method(method, try value(base), try values(arguments))
        case .name(let name): throw JinjaError(reason: "the function \(name.prefix(40))")
        default: throw JinjaError(reason: "a call of something that is no function")
        }
    }
}
