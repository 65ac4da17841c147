/// Lines over an axis, each named beside its end.
package struct LineChart: Sendable {
    /// One line.
    package struct Series: Sendable {
        /// How much a line stands out.
        package enum Role: Sendable, Hashable {
            /// With marks and a name beside its end.
            case named
            /// Thin and pale, one of many; its name is told where a reader points at it.
            case one
            /// Dashed, without marks: computed, not measured.
            case predicted
        }

        package var name: String
        /// Its points, in the order they are joined; those that are not finite, and on logarithmic axes those that are not
        /// positive, are left out.
        package var points: [(x: Double, y: Double)]
        package var role: Role
        /// The number of its style, so that a thing has the same colour in all charts; nil for that of its place.
        package var style: Int?

        package init(name: String, points: [(x: Double, y: Double)], role: Role = .named, style: Int? = nil) {
            self.name = name
            self.points = points
            self.role = role
            self.style = style
        }
    }

    /// One of the two axes.
    package struct Axis: Sendable {
        package var label: String
        package var measure: AxisScale.Measure
        package var zero: AxisScale.Zero
        package var isLogarithmic: Bool

        package init(
            _ label: String, measure: AxisScale.Measure = .number, zero: AxisScale.Zero = .never,
            isLogarithmic: Bool = false
        ) {
            self.label = label
            self.measure = measure
            self.zero = zero
            self.isLogarithmic = isLogarithmic
        }

        func scale(of values: [Double]) -> AxisScale {
            isLogarithmic
                ? AxisScale(logarithmic: values, measure: measure) : AxisScale(values, measure: measure, zero: zero)
        }

        func shows(_ value: Double) -> Bool { value.isFinite && (!isLogarithmic || value > 0) }
    }

    package var title: String
    package var caption: String
    package var horizontal: Axis
    package var vertical: Axis
    package var series: [Series]
    /// How many letters of a name have room beside the lines' ends.
    package var letters: Int

    package init(
        title: String, caption: String = "", horizontal: Axis, vertical: Axis, series: [Series], letters: Int = 10
    ) {
        self.title = title
        self.caption = caption
        self.horizontal = horizontal
        self.vertical = vertical
        self.series = series
        self.letters = letters
    }

    /// How far the names are apart.
    private static let label = 16.0
    /// More lines with names than this have no room beside their ends; the rest is drawn without.
    private static let named = 8

    /// The figure; nil where there is nothing to draw. `key` tells it from other figures of the page.
    package func figure(key: String) -> Figure? {
        let drawn = series.map { line in
            var line = line
            line.points = line.points.filter { horizontal.shows($0.x) && vertical.shows($0.y) }
            return line
        }.filter { !$0.points.isEmpty }
        guard !drawn.isEmpty else { return nil }
        let points = drawn.flatMap(\.points)
        let area = PlotArea(horizontal, vertical, points: points, margin: 26 + 8.2 * Double(letters))
        let picture = SVG.picture(
            key: key, title: title, description: description(of: drawn), width: area.width, height: area.height,
            area.axes + lines(drawn, area))
        return Figure(title: title, caption: caption, picture: picture)
    }

    /// What the lines show, in words: from where to where each goes.
    private func description(of drawn: [Series]) -> String {
        let told = drawn.filter { $0.role != .one }.prefix(12).compactMap { line -> String? in
            guard let first = line.points.first, let last = line.points.last else { return nil }
            return "\(line.name) goes from \(Readable.brief(first.y)) to \(Readable.brief(last.y))."
        }
        let others = drawn.count { $0.role == .one }
        return
            (["\(vertical.label) over \(horizontal.label)."] + told
            + (others > 0 ? ["\(others) pale lines stand for one peer each."] : [])).joined(separator: " ")
    }

    private func lines(_ drawn: [Series], _ area: PlotArea) -> [SVG] {
        var parts: [SVG] = []
        for line in drawn where line.role == .one {
            let points = line.points.map(area.place)
            let shape = SVG.polyline(points, style: LineStyle(colour: 6, mark: .circle), name: "pale")
            parts.append(SVG("g").holding([SVG("title", text: line.name), shape]))
        }
        let told = drawn.filter { $0.role != .one }
        let styles = told.indices.map { index in
            told[index].role == .predicted
                ? LineStyle(colour: 6, mark: .circle, dashes: [5, 4]) : LineStyle(told[index].style ?? index)
        }
        for (line, style) in zip(told, styles) {
            let points = line.points.map(area.place)
            var shapes = [SVG("title", text: line.name), SVG.polyline(points, style: style)]
            if line.role == .named { shapes += Self.marked(points).map { SVG.mark(style, x: $0.x, y: $0.y, size: 5) } }
            parts.append(SVG("g").holding(shapes))
        }
        return parts + names(told, styles, area)
    }

    /// The points that get a mark: a dozen at most, and the last.
    private static func marked(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        let apart = max(1, points.count / 12)
        return points.indices.filter { ($0 - points.count + 1) % apart == 0 }.map { points[$0] }
    }

    /// The names beside the ends of the lines: a stroke and the mark in the line's colour, and the words in the colour of
    /// text, which has contrast enough.
    private func names(_ told: [Series], _ styles: [LineStyle], _ area: PlotArea) -> [SVG] {
        let shown = told.indices.prefix(Self.named)
        let wishes = shown.map { area.place(told[$0].points[told[$0].points.count - 1]).y }
        // The label of the last tick is just below.
        let range = PlotArea.top...(area.base - 8)
        guard let places = LabelLayout.places(wishes, spacing: Self.label, within: range) else { return [] }
        let x = area.right + 8
        return zip(shown, places).flatMap { index, y -> [SVG] in
            let stroke = SVG.polyline([(x, y), (x + 14, y)], style: styles[index])
            let mark = told[index].role == .named ? [SVG.mark(styles[index], x: x + 7, y: y, size: 5)] : []
            let words = SVG.text(
                LabelLayout.short(told[index].name, limit: letters), x: x + 18, y: y + 4.5, name: "name")
            return [stroke] + mark + [words]
        }
    }
}
