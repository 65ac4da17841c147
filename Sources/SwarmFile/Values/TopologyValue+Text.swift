import Yams

/// How a command line gives a value.
package enum ArgumentForm: Sendable {
    case word
    /// An option without a value: true where it is there.
    case flag
    /// Words with commas between, or `word` in place of a list.
    case list(word: String)
    /// `name=value` with commas between.
    case pairs
}

extension TopologyValue {
    /// The value that a command line gives as `text`. Errors name `option`.
    init(argument text: String, form: ArgumentForm, option: String) throws {
        func words(_ text: some StringProtocol, _ separator: Character) -> [Node] {
            text.split(separator: separator, omittingEmptySubsequences: false).map { .scalar(Node.Scalar(String($0))) }
        }
        switch form {
        case .word, .flag: node = .scalar(Node.Scalar(text))
        case .list(word: text): node = .scalar(Node.Scalar(text))
        case .list: node = .sequence(Node.Sequence(words(text, ",")))
        case .pairs:
            let pairs = text.split(separator: ",").map { words($0, "=") }
            guard pairs.allSatisfy({ $0.count == 2 }) else {
                throw TopologyError(file: option, problem: "\"\(text)\" is no list such as down_proj=4,up_proj=2")
            }
            node = .mapping(Node.Mapping(pairs.map { ($0[0], $0[1]) }))
        }
        path = ""
        file = option
        line = 0
    }

    /// A double-quoted YAML scalar; control characters are escaped by number.
    package static func quoted(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": result += "\\\""
            case "\\": result += "\\\\"
            case _ where scalar.value < 0x20 || (0x7f...0x9f).contains(scalar.value):
                let digits = String(scalar.value, radix: 16)
                result += "\\x" + String(repeating: "0", count: 2 - digits.count) + digits
            default: result.unicodeScalars.append(scalar)
            }
        }
        return result + "\""
    }
}
