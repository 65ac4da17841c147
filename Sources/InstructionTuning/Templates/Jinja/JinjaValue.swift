/// A value of a chat template while it is rendered.
enum JinjaValue: Sendable {
    case undefined
    case none
    case bool(Bool)
    case int(Int)
    case string(String)
    case list([JinjaValue])
    case dictionary([String: JinjaValue])
    /// What `namespace()` makes, by its number: the renderer holds its members, which are changed in place.
    case namespace(Int)

    /// Whether a condition takes the value for true, as in Python.
    var isTrue: Bool {
        switch self {
        case .undefined, .none: false
        case .bool(let value): value
        case .int(let value): value != 0
        case .string(let text): !text.isEmpty
        case .list(let values): !values.isEmpty
        case .dictionary(let members): !members.isEmpty
        case .namespace: true
        }
    }

    /// The text that an output writes; nil for values that chat templates do not write.
    var text: String? {
        switch self {
        case .undefined: ""
        case .none: "None"
        case .bool(let value): value ? "True" : "False"
        case .int(let value): "\(value)"
        case .string(let text): text
        case .list, .dictionary, .namespace: nil
        }
    }

    /// Whether two values are equal, as in Python; numbers and booleans are compared as numbers.
    func equals(_ other: JinjaValue) -> Bool {
        switch (self, other) {
        case (.undefined, .undefined), (.none, .none): true
        case (.string(let left), .string(let right)): left.unicodeScalars.elementsEqual(right.unicodeScalars)
        case (.list(let left), .list(let right)):
            left.count == right.count && zip(left, right).allSatisfy { $0.equals($1) }
        default:
            if let left = number, let right = other.number { left == right } else { false }
        }
    }

    /// The value as a whole number.
    var number: Int? {
        switch self {
        case .int(let value): value
        case .bool(let value): value ? 1 : 0
        default: nil
        }
    }
}
