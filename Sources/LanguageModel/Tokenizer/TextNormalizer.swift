/// A step that rewrites text before it is cut into words.
indirect enum TextNormalizer: Sendable {
    /// Puts text in front of text that is not empty.
    case prepend([UInt8])
    /// Replaces every occurrence of a string that is not empty.
    case replace([UInt8], by: [UInt8])
    /// Unicode normalization form C.
    case composed
    /// Unicode normalization form KC.
    case compatibilityComposed
    case sequence([TextNormalizer])

    /// The rewritten text.
    func apply(to text: [UInt8]) -> [UInt8] {
        switch self {
        case .prepend(let prefix): text.isEmpty ? text : prefix + text
        case .replace(let pattern, let content): Self.replace(pattern, by: content, in: text)
        case .composed:
            Self.isASCII(text)
                ? text : Array(CanonicalComposition.composed(String(decoding: text, as: UTF8.self)).utf8)
        case .compatibilityComposed:
            Self.isASCII(text)
                ? text : Array(CanonicalComposition.compatibilityComposed(String(decoding: text, as: UTF8.self)).utf8)
        case .sequence(let steps): steps.reduce(text) { $1.apply(to: $0) }
        }
    }

    /// `text` with every occurrence of `pattern`, from the left, replaced.
    static func replace(_ pattern: [UInt8], by content: [UInt8], in text: [UInt8]) -> [UInt8] {
        guard let first = pattern.first else { return text }
        var result: [UInt8] = []
        result.reserveCapacity(text.count)
        var index = 0
        while index < text.count {
            if text[index] == first, text[index...].starts(with: pattern) {
                result.append(contentsOf: content)
                index += pattern.count
            } else {
                result.append(text[index])
                index += 1
            }
        }
        return result
    }

    private static func isASCII(_ text: [UInt8]) -> Bool { text.allSatisfy { $0 < 0x80 } }
}
