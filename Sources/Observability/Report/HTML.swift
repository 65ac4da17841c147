import Foundation

/// The little of HTML that reports need.
package enum HTML {
    /// `text` with the characters that mean something to HTML written as entities.
    package static func escape(_ text: String) -> String {
        var result = ""
        for character in text.unicodeScalars {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.unicodeScalars.append(character)
            }
        }
        return result
    }

    /// A table; the first column is text, the others numbers.
    package static func table(_ table: TextTable) -> String {
        func row(_ entries: [String], _ tag: String) -> String {
            "<tr>" + entries.map { "<\(tag)>\(escape($0))</\(tag)>" }.joined() + "</tr>\n"
        }
        return "<table>\n" + row(table.heads, "th") + table.rows.map { row($0, "td") }.joined() + "</table>\n"
    }
}

/// Elementary functions, kept apart so that the chart itself needs no Foundation.
enum Elementary {
    static func base10(_ value: Double) -> Double { log10(value) }

    static func cosine(_ angle: Double) -> Double { cos(angle) }

    static func sine(_ angle: Double) -> Double { sin(angle) }
}
