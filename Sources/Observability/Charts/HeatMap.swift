/// A table whose cells are coloured by their values: text and colour say the same.
package struct HeatMap: Sendable {
    /// What the colours tell apart.
    package enum Kind: Sendable, Hashable {
        /// More or less than nothing: gains are blue, losses orange.
        case diverging
        /// From nothing to most.
        case sequential
    }

    package var title: String
    package var caption: String
    package var kind: Kind
    /// What the values are, in the legend: `nats a token`, `records`.
    package var unit: String
    package var columns: [String]
    /// A row: its name, and a value for each column; nil where there is none.
    package var rows: [(name: String, values: [Double?])]
    /// Digits after the point.
    package var digits: Int
    /// So many columns at the front are sums: without colour, as they would outshine the others.
    package var sums: Int

    package init(
        title: String, caption: String = "", kind: Kind, unit: String, columns: [String],
        rows: [(name: String, values: [Double?])], digits: Int, sums: Int = 0
    ) {
        self.title = title
        self.caption = caption
        self.kind = kind
        self.unit = unit
        self.columns = columns
        self.rows = rows
        self.digits = digits
        self.sums = sums
    }

    /// The greatest absolute value, which has the strongest colour.
    private var most: Double {
        rows.flatMap { $0.values.dropFirst(sums) }.compactMap { $0 }.filter(\.isFinite).map { abs($0) }.max() ?? 0
    }

    /// Which cell of `Palette.diverging` stands for `value`.
    static func cell(_ value: Double, most: Double, kind: Kind) -> Int {
        guard value.isFinite, most > 0 else { return 4 }
        let share = min(1, max(kind == .diverging ? -1 : 0, value / most))
        // Four steps on a side; what is less than a tenth of the most is nothing.
        let steps = abs(share) < 0.1 ? 0 : min(4, Int(abs(share) * 4) + 1)
        return share < 0 ? 4 - steps : 4 + steps
    }

    /// The map; nil where it has no cells.
    package var html: String? {
        guard !columns.isEmpty, !rows.isEmpty else { return nil }
        let most = most
        let heads = ([""] + columns).map { "<th scope=\"col\">\(HTML.escape($0))</th>" }.joined()
        let body = rows.map { row in
            let cells = row.values.enumerated().map { column, value -> String in
                guard let value else { return "<td class=\"none\">–</td>" }
                let text = (kind == .diverging && value > 0 ? "+" : "") + Readable.number(value, digits: digits)
                if column < sums { return "<td>\(HTML.escape(text))</td>" }
                return "<td class=\"h\(Self.cell(value, most: most, kind: kind))\">\(HTML.escape(text))</td>"
            }
            return "<tr><th scope=\"row\">\(HTML.escape(row.name))</th>\(cells.joined())</tr>\n"
        }
        let table =
            "<table class=\"heat\"><caption>\(HTML.escape(title))</caption>\n<thead><tr>\(heads)</tr></thead>\n<tbody>"
            + body.joined() + "</tbody></table>"
        return "<figure><figcaption>\(HTML.escape(title))</figcaption>"
            + (caption.isEmpty ? "" : HTML.paragraph(caption, name: "muted")) + legend(most)
            + HTML.scrolling(table, label: title) + "</figure>\n"
    }

    private func legend(_ most: Double) -> String {
        let cells = kind == .diverging ? 0...8 : 4...8
        let (from, to) =
            kind == .diverging
            ? ("worse by \(Readable.brief(most))", "better by \(Readable.brief(most))") : ("0", Readable.brief(most))
        let swatches = cells.map { "<span class=\"h\($0)\"></span>" }.joined()
        return
            "<p class=\"legend\">\(HTML.escape(from)) <span class=\"swatches\" aria-hidden=\"true\">\(swatches)</span> "
            + "\(HTML.escape(to)) \(HTML.escape(unit))</p>\n"
    }
}
