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

        package init(name: String, points: [(x: Double, y: Double)], role: Role = .named) {
            self.name = name
            self.points = points
            self.role = role
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

    package init(title: String, caption: String = "", horizontal: Axis, vertical: Axis, series: [Series]) {
        self.title = title
        self.caption = caption
        self.horizontal = horizontal
        self.vertical = vertical
        self.series = series
    }

    /// Sizes in the picture's own units. It is as narrow as a phone, so that its letters can be read there.
    private enum Size {
        static let width = 440.0, height = 270.0
        static let left = 58.0, right = 96.0, top = 24.0, bottom = 42.0
        static let label = 16.0
        static var plot: (width: Double, height: Double) { (width - left - right, height - top - bottom) }
    }

    /// More lines with names than this have no room beside their ends; the rest is drawn without.
    private static let named = 8

    /// Where the values lie in the picture.
    private struct Frame {
        let x: AxisScale
        let y: AxisScale

        func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
            (
                Size.left + x.place(of: point.x) * Size.plot.width,
                Size.top + (1 - y.place(of: point.y)) * Size.plot.height
            )
        }
    }

    /// The figure; nil where there is nothing to draw. `key` tells it from other figures of the page.
    package func figure(key: String) -> Figure? {
        let drawn = series.map { line in
            var line = line
            line.points = line.points.filter { horizontal.shows($0.x) && vertical.shows($0.y) }
            return line
        }.filter { !$0.points.isEmpty }
        guard !drawn.isEmpty else { return nil }
        let points = drawn.flatMap(\.points)
        let frame = Frame(x: horizontal.scale(of: points.map(\.x)), y: vertical.scale(of: points.map(\.y)))
        let picture = SVG.picture(
            key: key, title: title, description: description(of: drawn), width: Size.width, height: Size.height,
            axes(frame) + lines(drawn, frame))
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

    private func axes(_ frame: Frame) -> [SVG] {
        let (bottom, right) = (Size.top + Size.plot.height, Size.left + Size.plot.width)
        var parts: [SVG] = [SVG.text(vertical.label, x: 4, y: 13, name: "axis")]
        for tick in frame.y.ticks {
            let y = Size.top + (1 - frame.y.place(of: tick.value)) * Size.plot.height
            parts.append(.line(x1: Size.left, y1: y, x2: right, y2: y, name: "grid"))
            parts.append(.text(tick.label, x: Size.left - 6, y: y + 4.5, anchor: .end, name: "tick"))
        }
        for tick in frame.x.ticks {
            let x = Size.left + frame.x.place(of: tick.value) * Size.plot.width
            parts.append(.line(x1: x, y1: bottom, x2: x, y2: bottom + 4, name: "grid"))
            parts.append(.text(tick.label, x: x, y: bottom + 18, anchor: .middle, name: "tick"))
        }
        parts.append(
            .text(
                horizontal.label, x: Size.left + Size.plot.width / 2, y: Size.height - 6, anchor: .middle, name: "axis")
        )
        return parts
    }

    private func lines(_ drawn: [Series], _ frame: Frame) -> [SVG] {
        var parts: [SVG] = []
        for line in drawn where line.role == .one {
            let points = line.points.map(frame.place)
            let shape = SVG.polyline(points, style: LineStyle(colour: 6, mark: .circle), name: "pale")
            parts.append(SVG("g").holding([SVG("title", text: line.name), shape]))
        }
        let told = drawn.filter { $0.role != .one }
        let styles = told.indices.map { index in
            told[index].role == .predicted ? LineStyle(colour: 6, mark: .circle, dashes: [5, 4]) : LineStyle(index)
        }
        for (line, style) in zip(told, styles) {
            let points = line.points.map(frame.place)
            var shapes = [SVG("title", text: line.name), SVG.polyline(points, style: style)]
            if line.role == .named { shapes += Self.marked(points).map { SVG.mark(style, x: $0.x, y: $0.y, size: 5) } }
            parts.append(SVG("g").holding(shapes))
        }
        return parts + names(told, styles, frame)
    }

    /// The points that get a mark: a dozen at most, and the last.
    private static func marked(_ points: [(x: Double, y: Double)]) -> [(x: Double, y: Double)] {
        let apart = max(1, points.count / 12)
        return points.indices.filter { ($0 - points.count + 1) % apart == 0 }.map { points[$0] }
    }

    /// The names beside the ends of the lines: a stroke and the mark in the line's colour, and the words in the colour of
    /// text, which has contrast enough.
    private func names(_ told: [Series], _ styles: [LineStyle], _ frame: Frame) -> [SVG] {
        let shown = told.indices.prefix(Self.named)
        let wishes = shown.map { frame.place(told[$0].points[told[$0].points.count - 1]).y }
        // The label of the last tick is just below.
        let range = Size.top...(Size.top + Size.plot.height - 8)
        guard let places = LabelLayout.places(wishes, spacing: Size.label, within: range) else { return [] }
        let x = Size.left + Size.plot.width + 8
        return zip(shown, places).flatMap { index, y -> [SVG] in
            let stroke = SVG.polyline([(x, y), (x + 14, y)], style: styles[index])
            let mark = told[index].role == .named ? [SVG.mark(styles[index], x: x + 7, y: y, size: 5)] : []
            let words = SVG.text(LabelLayout.short(told[index].name, limit: 10), x: x + 18, y: y + 4.5, name: "name")
            return [stroke] + mark + [words]
        }
    }
}
