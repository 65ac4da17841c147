import Basics

/// The two scores of a judge's reply, in the order in which the answers were shown.
package struct JudgeVerdict: Sendable, Hashable {
    /// From 1 to 10.
    package let first: Double
    /// From 1 to 10.
    package let second: Double

    package init(first: Double, second: Double) {
        self.first = first
        self.second = second
    }

    /// Why a reply has no verdict.
    package enum Fault: String, Error, Sendable, Hashable, CaseIterable {
        case empty = "an empty reply"
        case none = "no line of scores"
        case several = "several lines of scores"
        case form = "a line of scores of another form"
        case object = "something else than one JSON object"
        case members = "a JSON object of another form"
        case range = "a score outside of 1 to 10"
    }

    /// The most bytes of a reply that are read.
    static let limit = 1 << 20
    private static let head = Array("scores:".utf8)
    /// What a judge may set a line in bold or code with.
    private static let ornaments = Set("*_`#> \t\r".utf8)

    /// Reads the verdict: the reply has exactly one line that begins with `Scores:`, in capitals or not, and two numbers
    /// from 1 to 10 follow, with a space, a comma or both between them, and nothing else. Asterisks, underscores,
    /// backquotes and the marks of headings and quotations may stand around a line, as judges like to write Markdown.
    package init(reply: String) throws(Fault) {
        let bytes = Array(reply.utf8.prefix(Self.limit))
        guard bytes.contains(where: { !Self.isSpace($0) }) else { throw .empty }
        var found: [ArraySlice<UInt8>] = []
        for line in bytes.split(whereSeparator: { $0 == 0x0a || $0 == 0x0d }) {
            let line = Self.trimmed(line)
            if line.count >= Self.head.count, zip(line, Self.head).allSatisfy({ Self.lowercased($0) == $1 }) {
                found.append(line.dropFirst(Self.head.count))
            }
        }
        guard let line = found.first else { throw .none }
        guard found.count == 1 else { throw .several }
        let words = Self.trimmed(line).split { Self.isSpace($0) || $0 == UInt8(ascii: ",") }
        let commas = line.count { $0 == UInt8(ascii: ",") }
        guard words.count == 2, commas <= 1, let first = Self.number(words[0]), let second = Self.number(words[1])
        else { throw .form }
        guard (1...10).contains(first), (1...10).contains(second) else { throw .range }
        self.init(first: first, second: second)
    }

    static func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0d).contains(byte) }

    private static func lowercased(_ byte: UInt8) -> UInt8 { (65...90).contains(byte) ? byte + 32 : byte }

    private static func trimmed(_ line: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var line = line
        while let byte = line.first, ornaments.contains(byte) { line.removeFirst() }
        while let byte = line.last, ornaments.contains(byte) { line.removeLast() }
        return line
    }

    /// Digits, and perhaps a point with one or two more: `7`, `7.5`. Nothing else that could be read as a number.
    private static func number(_ word: ArraySlice<UInt8>) -> Double? {
        let parts = word.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard parts.count <= 2, (1...3).contains(parts[0].count), parts.count == 1 || (1...2).contains(parts[1].count),
            parts.allSatisfy({ $0.allSatisfy { (48...57).contains($0) } })
        else { return nil }
        return Double(String(decoding: word, as: UTF8.self))
    }
}
