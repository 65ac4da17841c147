/// Whether an answer is the expected one.
package enum ExactMatch {
    /// Whether the two texts are the same bytes once white space at their ends is taken off.
    package static func matches(_ candidate: String, _ reference: String) -> Bool {
        trimmed(candidate).utf8.elementsEqual(trimmed(reference).utf8)
    }

    private static func trimmed(_ text: String) -> Substring {
        let head = text.drop(while: \.isWhitespace)
        guard let last = head.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return head[...last]
    }
}
