/// The little of HTML that reports need.
package enum HTML {
    /// `text` with the characters that mean something to HTML written as entities, in text and between double quotes.
    /// Characters that control a terminal or turn the direction of writing are replaced: a name could hide behind them.
    package static func escape(_ text: String) -> String {
        var result = String.UnicodeScalarView()
        for character in text.unicodeScalars {
            switch character {
            case "&": result.append(contentsOf: "&amp;".unicodeScalars)
            case "<": result.append(contentsOf: "&lt;".unicodeScalars)
            case ">": result.append(contentsOf: "&gt;".unicodeScalars)
            case "\"": result.append(contentsOf: "&quot;".unicodeScalars)
            case "'": result.append(contentsOf: "&#39;".unicodeScalars)
            case "\n", "\t": result.append(character)
            default: result.append(character.isControl ? "\u{FFFD}" : character)
            }
        }
        return String(result)
    }

    /// A table in a box of its own, which scrolls sideways where the page is narrow; the first column is text, the others
    /// numbers.
    package static func table(_ table: TextTable, caption: String) -> String {
        let heads = table.heads.map { "<th scope=\"col\">\(escape($0))</th>" }.joined()
        let rows = table.rows.map { row in
            "<tr>"
                + row.enumerated().map { column, entry in
                    column == 0 ? "<th scope=\"row\">\(escape(entry))</th>" : "<td>\(escape(entry))</td>"
                }.joined() + "</tr>\n"
        }
        return scrolling(
            "<table><caption>\(escape(caption))</caption>\n<thead><tr>\(heads)</tr></thead>\n<tbody>\(rows.joined())"
                + "</tbody></table>", label: caption)
    }

    /// `content` in a box that scrolls; it takes the focus so that keys scroll it too.
    package static func scrolling(_ content: String, label: String) -> String {
        "<div class=\"scroll\" role=\"region\" aria-label=\"\(escape(label))\" tabindex=\"0\">\(content)</div>\n"
    }

    /// A paragraph.
    package static func paragraph(_ text: String, name: String? = nil) -> String {
        "<p\(name.map { " class=\"\($0)\"" } ?? "")>\(escape(text))</p>\n"
    }

    /// Names with their values; nothing for none.
    package static func list(_ facts: [(String, String)]) -> String {
        guard !facts.isEmpty else { return "" }
        return "<dl>\n" + facts.map { "<dt>\(escape($0))</dt><dd>\(escape($1))</dd>\n" }.joined() + "</dl>\n"
    }

    /// Sentences, each with a bullet; nothing for none.
    package static func points(_ sentences: [String]) -> String {
        guard !sentences.isEmpty else { return "" }
        return "<ul>\n" + sentences.map { "<li>\(escape($0))</li>\n" }.joined() + "</ul>\n"
    }

    /// Figures side by side where the page is wide; those that are nil have nothing to show.
    package static func side(by figures: [Figure?]) -> String {
        let drawn = figures.compactMap { $0?.html }
        return drawn.isEmpty ? "" : "<div class=\"figures\">\n\(drawn.joined())</div>\n"
    }
}
