/// A token that is cut out of the text before anything else, whole.
struct AddedToken: Sendable, Equatable {
    /// Its number.
    let identifier: Int32
    /// Its UTF-8 bytes in the text.
    let content: [UInt8]
    /// Whether white space before it belongs to it.
    let stripsLeft: Bool
    /// Whether white space behind it belongs to it.
    let stripsRight: Bool
    /// Whether it is looked for in normalised text.
    let isNormalized: Bool
    /// Whether it marks structure, such as the end of the text, and is left out of decoded text.
    let isSpecial: Bool
}

/// Finds added tokens: the leftmost, and of those at one place the longest.
struct AddedTokenMatcher: Sendable {
    /// A part of the text: an added token, or text between them.
    enum Part {
        case token(Int32)
        case text(Range<Int>)
    }

    /// The tokens by first byte, longest first.
    private var byFirstByte: [[(spelling: [UInt8], token: AddedToken)]]
    private let isEmpty: Bool

    /// A matcher for `tokens`, each in the spelling that is looked for.
    init(_ tokens: [(spelling: [UInt8], token: AddedToken)]) {
        byFirstByte = Array(repeating: [], count: 256)
        isEmpty = tokens.isEmpty
        // Longest first, so that the first match is the longest one.
        for entry in tokens.sorted(by: { $0.spelling.count > $1.spelling.count }) {
            if let first = entry.spelling.first { byFirstByte[Int(first)].append(entry) }
        }
    }

    /// The parts of `text`, none of them empty.
    func split(_ text: [UInt8]) -> [Part] {
        guard !isEmpty else { return text.isEmpty ? [] : [.text(0..<text.count)] }
        var parts: [Part] = []
        var start = 0
        var index = 0
        while index < text.count {
            guard
                let match = byFirstByte[Int(text[index])].first(where: { text[index...].starts(with: $0.spelling) })
            else {
                index += 1
                continue
            }
            var end = index + match.spelling.count
            var textEnd = index
            if match.token.stripsLeft { textEnd = Self.startOfSpace(before: index, from: start, in: text) }
            if match.token.stripsRight { end = Self.endOfSpace(behind: end, in: text) }
            if textEnd > start { parts.append(.text(start..<textEnd)) }
            parts.append(.token(match.token.identifier))
            start = end
            index = end
        }
        if start < text.count { parts.append(.text(start..<text.count)) }
        return parts
    }

    private static func startOfSpace(before index: Int, from start: Int, in text: [UInt8]) -> Int {
        let scalars = ScalarText(text[start..<index])
        var count = scalars.count
        while count > 0, scalars.kinds[count - 1] == .space { count -= 1 }
        return scalars.starts[count]
    }

    private static func endOfSpace(behind index: Int, in text: [UInt8]) -> Int {
        var end = index
        while end < text.count {
            let next = min(text.count, end + ScalarText.length(lead: text[end]))
            guard ScalarText(text[end..<next]).kinds.first == .space else { break }
            end = next
        }
        return end
    }
}
