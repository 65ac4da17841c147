import Foundation

/// What every report keeps to, whoever makes it: one file that loads and runs nothing, that is well-formed, and that can be
/// read without seeing it.
package enum PageRules {
    /// What is wrong with the page, a line each; empty where nothing is.
    package static func problems(_ html: String) -> [String] {
        foreign(html) + structure(html) + pictures(html) + tables(html) + styles(html)
    }

    /// What is between the body's tags, those among it.
    package static func body(of html: String) -> String {
        guard let from = html.range(of: "<body>"), let to = html.range(of: "</body>") else { return "<" }
        return String(html[from.lowerBound..<to.upperBound])
    }

    private static func count(_ text: String, of part: String) -> Int { text.components(separatedBy: part).count - 1 }

    /// What stands behind each `start`, up to `end`.
    private static func all(_ html: String, from start: String, to end: String) -> [String] {
        html.components(separatedBy: start).dropFirst().map { rest in
            rest.range(of: end).map { String(rest[..<$0.lowerBound]) } ?? rest
        }
    }

    private static func foreign(_ html: String) -> [String] {
        let words = [
            "http", "src=", "@import", "url(", "<script", "<link", "<iframe", "<object", "<img", "javascript:",
        ]
        var problems = (words + ["href", "style=\""]).filter(html.contains).map { "the page has \($0)" }
        let hidden: Set<Unicode.Scalar> = ["\u{202E}", "\u{202D}", "\u{2066}", "\u{2067}", "\u{2068}"]
        if html.unicodeScalars.contains(where: { hidden.contains($0) || $0.value < 32 && $0 != "\n" && $0 != "\t" }) {
            problems.append("a character that is not shown")
        }
        return problems
    }

    private static func structure(_ html: String) -> [String] {
        var problems: [String] = []
        if !XMLWellFormed(body(of: html)).isWellFormed { problems.append("the body is not well-formed") }
        for needed in ["<html lang=\"en\">", "charset=\"utf-8\"", "name=\"viewport\"", "<h1>", "class=\"answer\""]
        where count(html, of: needed) != 1 {
            problems.append("not one \(needed)")
        }
        var level = 1
        for heading in all(html, from: "<h", to: ">").compactMap({ Int($0) }) where (1...6).contains(heading) {
            if heading > level + 1 { problems.append("a heading \(heading) below \(level)") }
            level = heading
        }
        return problems
    }

    /// Every picture says what it is called and what it shows.
    private static func pictures(_ html: String) -> [String] {
        var problems: [String] = []
        let identifiers = all(html, from: " id=\"", to: "\"")
        if Set(identifiers).count != identifiers.count { problems.append("two elements with one id") }
        for picture in all(html, from: "<svg ", to: "</svg>") {
            let names = all(picture, from: "aria-labelledby=\"", to: "\"").first?.split(separator: " ") ?? []
            let known = names.allSatisfy { identifiers.contains(String($0)) }
            if names.count != 2 || !known || !picture.contains("role=\"img\"") {
                problems.append("a picture without a name: \(picture.prefix(80))")
            }
            if all(picture, from: "<desc id=", to: "</desc>").first?.contains(where: { $0 == " " }) != true {
                problems.append("a picture without a description: \(picture.prefix(80))")
            }
            if ["\"nan", ",nan", "\"inf", ",inf", "\"-inf"].contains(where: picture.contains) {
                problems.append("a place that is no number")
            }
        }
        return problems
    }

    /// Every table scrolls in a box of its own that takes the focus, and has a caption and heads.
    private static func tables(_ html: String) -> [String] {
        var problems: [String] = []
        let tables = count(html, of: "<table")
        if count(html, of: "<div class=\"scroll\"") != tables || count(html, of: "tabindex=\"0\">") != tables {
            problems.append("a table without a box that scrolls")
        }
        if count(html, of: "<caption>") != tables { problems.append("a table without a caption") }
        for table in all(html, from: "<table", to: "</table>") where !table.contains("scope=\"col\"") {
            problems.append("a table without heads")
        }
        return problems
    }

    /// Legends lost their colours to a rule for all text of charts once: no rule may name an element of SVG that has a
    /// class of its own, and every class that is drawn has a rule.
    private static func styles(_ html: String) -> [String] {
        guard count(html, of: "</style>") == 1, let style = all(html, from: "<style>", to: "</style>").first else {
            return ["not one style"]
        }
        var problems = ["text", "polyline", "circle", "line", "polygon", "rect"].filter { element in
            style.contains("}\(element){") || style.contains("svg \(element)") || style.contains("\n\(element){")
        }.map { "a rule for every \($0)" }
        let classes = Set(all(html, from: "class=\"", to: "\"").flatMap { $0.split(separator: " ").map(String.init) })
        problems += classes.sorted().filter { !style.contains(".\($0)") }.map { "no rule for .\($0)" }
        for rule in ["prefers-color-scheme:dark", "@media print"] where !style.contains(rule) {
            problems.append("no rule for \(rule)")
        }
        return problems
    }
}

/// Whether text is one element whose tags are closed in order and whose attributes are quoted.
package struct XMLWellFormed {
    package private(set) var isWellFormed = true

    package init(_ text: String) {
        var open: [Substring] = []
        var rest = Substring(text)
        while let start = rest.firstIndex(of: "<") {
            guard let end = rest[start...].firstIndex(of: ">") else { break }
            let tag = rest[rest.index(after: start)..<end]
            rest = rest[rest.index(after: end)...]
            if tag.hasPrefix("/") {
                if open.popLast() != tag.dropFirst() { isWellFormed = false }
            } else if !tag.hasSuffix("/") {
                open.append(tag.prefix { $0 != " " })
            }
            if tag.filter({ $0 == "\"" }).count % 2 == 1 { isWellFormed = false }
        }
        if !open.isEmpty || !rest.isEmpty { isWellFormed = false }
    }
}
