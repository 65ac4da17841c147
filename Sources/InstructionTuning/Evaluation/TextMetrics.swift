/// ROUGE-L (Lin, 2004): how long the longest common subsequence of words is.
///
/// Words are what white space separates, in lower case, punctuation left on and no stemming: results compare with each
/// other, not with published tables that stem. With L the length of the longest common subsequence, precision L / words of
/// the candidate and recall L / words of the reference, the score is their harmonic mean (F1): 2 P R / (P + R). Two empty
/// texts score 1, one empty text scores 0.
package enum RougeL {
    /// The score of `candidate` against `reference`, from 0 to 1.
    package static func score(_ candidate: String, _ reference: String) -> Double {
        let left = words(candidate)
        let right = words(reference)
        if left.isEmpty || right.isEmpty { return left.isEmpty && right.isEmpty ? 1 : 0 }
        let common = Double(commonLength(left, right))
        // The harmonic mean of L/m and L/n is 2L / (m + n).
        return 2 * common / Double(left.count + right.count)
    }

    private static func words(_ text: String) -> [String] {
        text.lowercased().split(whereSeparator: \.isWhitespace).map(String.init)
    }

    /// The length of the longest common subsequence: O(m n) time, one row of memory.
    static func commonLength(_ left: [String], _ right: [String]) -> Int {
        var row = [Int](repeating: 0, count: right.count + 1)
        for word in left {
            var diagonal = 0
            for (column, other) in right.enumerated() {
                let above = row[column + 1]
                // The usual table, of which only the row before is kept: `diagonal` is that row's value to the left.
                row[column + 1] = word == other ? diagonal + 1 : max(above, row[column])
                diagonal = above
            }
        }
        return row[right.count]
    }
}

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
