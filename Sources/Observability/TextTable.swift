/// A table in plain text: columns as wide as their longest entry, numbers to the right.
package struct TextTable: Sendable {
    /// The heads of the columns.
    package var heads: [String]
    /// The rows; each has as many entries as there are heads.
    package var rows: [[String]] = []

    package init(heads: [String]) {
        self.heads = heads
    }

    /// The lines: heads, a rule, rows. The first column is left-aligned, the others right-aligned.
    package var lines: [String] {
        let widths = heads.indices.map { column in
            max(heads[column].count, rows.map { $0[column].count }.max() ?? 0)
        }
        func line(_ entries: [String]) -> String {
            let padded = entries.enumerated().map { column, entry in
                let space = String(repeating: " ", count: widths[column] - entry.count)
                return column == 0 ? entry + space : space + entry
            }
            return padded.joined(separator: "  ")
        }
        let rule = widths.map { String(repeating: "─", count: $0) }.joined(separator: "  ")
        return [line(heads), rule] + rows.map(line)
    }
}

/// Numbers as people read them.
package enum Readable {
    /// `value` with `digits` after the point; an en dash for nil.
    package static func number(_ value: Double?, digits: Int = 3) -> String {
        guard let value else { return "–" }
        guard value.isFinite else { return "\(value)" }
        var scale = 1.0
        for _ in 0..<digits { scale *= 10 }
        let scaled = (abs(value) * scale).rounded()
        guard scaled < 1e15 else { return scientific(value) }
        let whole = Int(scaled)
        let (integer, fraction) = whole.quotientAndRemainder(dividingBy: Int(scale))
        let sign = value < 0 && whole != 0 ? "-" : ""
        guard digits > 0 else { return sign + String(integer) }
        let text = String(fraction)
        return sign + String(integer) + "." + String(repeating: "0", count: digits - text.count) + text
    }

    /// `value` as `1.3e-05`; an en dash for nil.
    package static func scientific(_ value: Double?) -> String {
        guard let value else { return "–" }
        guard value.isFinite, value != 0 else { return value == 0 ? "0" : "\(value)" }
        var mantissa = abs(value)
        var exponent = 0
        while mantissa >= 10 { (mantissa, exponent) = (mantissa / 10, exponent + 1) }
        while mantissa < 1 { (mantissa, exponent) = (mantissa * 10, exponent - 1) }
        // 9.96 is written as 10.0, which is one with the next exponent. The text decides: what lies just below 9.95 may round
        // up as well.
        var text = number(mantissa, digits: 1)
        if text == "10.0" { (text, exponent) = ("1.0", exponent + 1) }
        return "\(value < 0 ? "-" : "")\(text)e\(exponent)"
    }

    /// `value` in about three figures, as sentences and labels have it: `9.18`, `0.101`, `1.3e-5`, `1200`.
    package static func brief(_ value: Double?) -> String {
        guard let value, value.isFinite else { return number(value) }
        let size = abs(value)
        if size == 0 { return "0" }
        if size < 0.001 || size >= 1e6 { return scientific(value) }
        return number(value, digits: size < 1 ? 3 : size < 100 ? 2 : 0)
    }

    /// So many of what `noun` names, whose plural ends in s: `1 peer`, `3 peers`.
    package static func count(_ count: Int, _ noun: String) -> String { "\(count) \(noun)\(count == 1 ? "" : "s")" }

    /// A share as `83.1 %`.
    package static func percent(_ share: Double?) -> String {
        guard let share else { return "–" }
        return number(share * 100, digits: 1) + " %"
    }

    /// `text` on one line, without what controls a terminal or turns the direction of writing: a name, or somebody's reason,
    /// could hide behind it.
    package static func plain(_ text: String) -> String {
        String(String.UnicodeScalarView(text.unicodeScalars.map { $0.isControl ? "\u{FFFD}" : $0 }))
    }

    /// Bytes as `13.4 MB`; powers of ten.
    package static func bytes(_ count: Int) -> String {
        switch count {
        case ..<1_000: "\(count) B"
        case ..<1_000_000: number(Double(count) / 1e3, digits: 1) + " kB"
        case ..<1_000_000_000: number(Double(count) / 1e6, digits: 1) + " MB"
        default: number(Double(count) / 1e9, digits: 2) + " GB"
        }
    }
}

extension Unicode.Scalar {
    /// Whether it is not shown but changes how others are: it controls a terminal, or turns the direction of writing.
    package var isControl: Bool {
        switch self {
        case "\u{0}"..."\u{1F}", "\u{7F}"..."\u{9F}", "\u{202A}"..."\u{202E}", "\u{2066}"..."\u{2069}": true
        default: false
        }
    }
}
