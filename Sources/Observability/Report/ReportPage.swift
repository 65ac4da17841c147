/// A page that one shows around: one file with the answer first, that needs neither network nor script.
///
/// What it looks like is the same for all reports; `HTMLReport` tells a run, and MurmurKit a grid of comparisons.
package struct ReportPage: Sendable {
    /// One part of the page; where `content` is empty, `missing` is said instead.
    package struct Section: Sendable {
        package let key: String
        package let title: String
        /// HTML, in which all text from outside is escaped.
        package let content: String
        package let missing: String

        package init(key: String, title: String, content: String, missing: String) {
            self.key = key
            self.title = title
            self.content = content
            self.missing = missing
        }
    }

    package var title: String
    /// The first sentence.
    package var answer: String
    package var sections: [Section]

    package init(title: String, answer: String, sections: [Section]) {
        self.title = title
        self.answer = answer
        self.sections = sections
    }

    /// The file's text.
    package var html: String {
        let body = sections.map { section in
            "<section id=\"\(section.key)\"><h2>\(HTML.escape(section.title))</h2>\n"
                + (section.content.isEmpty ? HTML.paragraph(section.missing, name: "missing") : section.content)
                + "</section>\n"
        }
        return """
            <!doctype html>
            <html lang="en"><head><meta charset="utf-8"><title>\(HTML.escape(title))</title>
            <meta name="viewport" content="width=device-width, initial-scale=1"><meta name="color-scheme" content="light dark">
            <style>
            \(Palette.css)\(Self.style)</style></head>
            <body><main>
            <h1>\(HTML.escape(title))</h1>
            <p class="answer">\(HTML.escape(answer))</p>
            \(body.joined())</main></body></html>

            """
    }
}
