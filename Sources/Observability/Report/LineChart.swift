/// A line chart as inline SVG: one line a series, linear or logarithmic values.
package struct LineChart: Sendable {
    /// One line.
    package struct Series: Sendable {
        /// What the legend calls it.
        package var name: String
        /// Its points, in the order they are joined.
        package var points: [(x: Double, y: Double)]

        package init(name: String, points: [(x: Double, y: Double)]) {
            self.name = name
            self.points = points
        }
    }

    /// The head above the chart.
    package var title: String
    /// What the horizontal axis counts.
    package var horizontal: String
    /// What the vertical axis measures, with its unit.
    package var vertical: String
    /// Whether the vertical axis is logarithmic; values that are not positive are then left out.
    package var isLogarithmic: Bool
    /// The lines.
    package var series: [Series]

    package init(title: String, horizontal: String, vertical: String, isLogarithmic: Bool = false, series: [Series]) {
        self.title = title
        self.horizontal = horizontal
        self.vertical = vertical
        self.isLogarithmic = isLogarithmic
        self.series = series
    }

    private static let width = 640.0
    private static let height = 300.0
    private static let left = 70.0
    private static let right = 150.0
    private static let top = 16.0
    private static let bottom = 44.0
    /// Okabe and Ito's eight colours, told apart by colour-blind readers too.
    static let colours = ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9", "#8a8a00", "#000000"]

    /// The figure as HTML; a sentence where there is nothing to draw.
    package var html: String {
        let drawn = series.map { line in
            Series(name: line.name, points: line.points.compactMap(place))
        }.filter { !$0.points.isEmpty }
        let all = drawn.flatMap(\.points)
        guard let first = all.first else {
            return "<figure><figcaption>\(HTML.escape(title))</figcaption><p>No values were logged.</p></figure>"
        }
        var (x0, x1, y0, y1) = (first.x, first.x, first.y, first.y)
        for point in all {
            (x0, x1) = (min(x0, point.x), max(x1, point.x))
            (y0, y1) = (min(y0, point.y), max(y1, point.y))
        }
        if x1 == x0 { x1 = x0 + 1 }
        let margin = y1 == y0 ? max(abs(y0) * 0.1, 0.5) : (y1 - y0) * 0.05
        (y0, y1) = (y0 - margin, y1 + margin)
        let plotWidth = Self.width - Self.left - Self.right
        let plotHeight = Self.height - Self.top - Self.bottom
        let horizontalOf = { (x: Double) in Self.left + (x - x0) / (x1 - x0) * plotWidth }
        let verticalOf = { (y: Double) in Self.top + (y1 - y) / (y1 - y0) * plotHeight }

        var svg = frame(plotWidth: plotWidth, plotHeight: plotHeight)
        for step in 0...4 {
            let y = y0 + (y1 - y0) * Double(step) / 4
            let x = x0 + (x1 - x0) * Double(step) / 4
            svg += gridLine(y: verticalOf(y), plotWidth: plotWidth, label: verticalLabel(y))
            svg += text(Readable.number(x, digits: 0), x: horizontalOf(x), y: Self.height - 26, anchor: "middle")
        }
        for (index, line) in drawn.enumerated() {
            let colour = Self.colours[index % Self.colours.count]
            let dashes = index < Self.colours.count ? "" : " stroke-dasharray=\"5 3\""
            let points = line.points.map { point in
                Readable.number(horizontalOf(point.x), digits: 1) + ","
                    + Readable.number(verticalOf(point.y), digits: 1)
            }.joined(separator: " ")
            svg += "<polyline fill=\"none\" stroke=\"\(colour)\" stroke-width=\"1.6\"\(dashes) points=\"\(points)\"/>\n"
            let y = Self.top + 12 + Double(index) * 15
            if y < Self.height - 10 {
                svg += text(line.name, x: Self.width - Self.right + 12, y: y, anchor: "start", colour: colour)
            }
        }
        return "<figure><figcaption>\(HTML.escape(title))</figcaption>\n\(svg)</svg></figure>"
    }

    private func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double)? {
        guard point.x.isFinite, point.y.isFinite else { return nil }
        guard isLogarithmic else { return point }
        return point.y > 0 ? (point.x, Elementary.base10(point.y)) : nil
    }

    private func verticalLabel(_ y: Double) -> String {
        isLogarithmic ? "1e" + Readable.number(y, digits: 1) : Readable.number(y, digits: abs(y) < 10 ? 2 : 0)
    }

    private func frame(plotWidth: Double, plotHeight: Double) -> String {
        let (width, height) = (Int(Self.width), Int(Self.height))
        let middle = Self.top + plotHeight / 2
        return "<svg viewBox=\"0 0 \(width) \(height)\" role=\"img\" aria-label=\"\(HTML.escape(title))\">\n"
            + text(horizontal, x: Self.left + plotWidth / 2, y: Self.height - 8, anchor: "middle")
            + "<text x=\"14\" y=\"\(middle)\" text-anchor=\"middle\" transform=\"rotate(-90 14 \(middle))\">"
            + "\(HTML.escape(vertical))</text>\n"
    }

    private func gridLine(y: Double, plotWidth: Double, label: String) -> String {
        let height = Readable.number(y, digits: 1)
        return
            "<line class=\"grid\" x1=\"\(Self.left)\" x2=\"\(Self.left + plotWidth)\" y1=\"\(height)\" y2=\"\(height)\"/>\n"
            + text(label, x: Self.left - 6, y: y + 4, anchor: "end")
    }

    private func text(_ words: String, x: Double, y: Double, anchor: String, colour: String? = nil) -> String {
        let fill = colour.map { " fill=\"\($0)\"" } ?? ""
        return "<text x=\"\(Readable.number(x, digits: 1))\" y=\"\(Readable.number(y, digits: 1))\" "
            + "text-anchor=\"\(anchor)\"\(fill)>\(HTML.escape(words))</text>\n"
    }
}
