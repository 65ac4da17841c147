/// Rows of one value each with the interval that it may lie in, and dots for what it is the mean of.
package struct IntervalChart: Sendable {
    /// One row.
    package struct Row: Sendable {
        package var name: String
        package var value: Double
        /// Nil where it is not known.
        package var interval: ClosedRange<Double>?
        /// What `value` is the mean of, each as a pale dot.
        package var parts: [Double]
        /// The number of its style, so that a thing has the same colour in all charts; nil for that of its place.
        package var style: Int?

        package init(
            name: String, value: Double, interval: ClosedRange<Double>? = nil, parts: [Double] = [], style: Int? = nil
        ) {
            self.name = name
            self.value = value
            self.interval = interval
            self.parts = parts
            self.style = style
        }
    }

    package var title: String
    package var caption: String
    package var axis: LineChart.Axis
    package var rows: [Row]

    package init(title: String, caption: String = "", axis: LineChart.Axis, rows: [Row]) {
        self.title = title
        self.caption = caption
        self.axis = axis
        self.rows = rows
    }

    private static let width = 440.0, left = 16.0, right = 30.0, top = 6.0, height = 46.0

    /// The figure; nil where no row has a value that can be drawn.
    package func figure(key: String) -> Figure? {
        let drawn = rows.filter { axis.shows($0.value) }
        guard !drawn.isEmpty else { return nil }
        let values = drawn.flatMap { row in
            [row.value] + row.parts + (row.interval.map { [$0.lowerBound, $0.upperBound] } ?? [])
        }.filter(axis.shows)
        let scale = axis.scale(of: values)
        let bottom = Self.top + Self.height * Double(drawn.count)
        var parts = [
            SVG.text(axis.label, x: Self.left, y: bottom + 36, name: "axis")
        ]
        for tick in scale.ticks {
            let x = Self.place(tick.value, scale)
            parts.append(.line(x1: x, y1: Self.top, x2: x, y2: bottom, name: "grid"))
            parts.append(.text(tick.label, x: x, y: bottom + 17, anchor: .middle, name: "tick"))
        }
        for (index, row) in drawn.enumerated() {
            parts += Self.draw(
                row, LineStyle(row.style ?? index), Self.top + Self.height * (Double(index) + 0.5), scale)
        }
        let told = drawn.map { row in
            "\(row.name): \(Readable.brief(row.value))"
                + (row.interval.map {
                    ", between \(Readable.brief($0.lowerBound)) and \(Readable.brief($0.upperBound))"
                } ?? "")
                + "."
        }
        return Figure(
            title: title, caption: caption,
            picture: .picture(
                key: key, title: title, description: "\(axis.label). " + told.joined(separator: " "), width: Self.width,
                height: bottom + 44, parts))
    }

    private static func place(_ value: Double, _ scale: AxisScale) -> Double {
        left + scale.place(of: value) * (width - left - right)
    }

    private static func draw(_ row: Row, _ style: LineStyle, _ middle: Double, _ scale: AxisScale) -> [SVG] {
        let x = place(row.value, scale)
        let y = middle + 10
        var shapes = [SVG("title", text: row.name)]
        for part in row.parts where part.isFinite {
            shapes.append(
                SVG(
                    "circle",
                    [
                        "cx": SVG.number(place(part, scale)), "cy": SVG.number(y), "r": "3",
                        "class": "dot s\(style.colour)",
                    ]))
        }
        if let interval = row.interval {
            let (from, to) = (place(interval.lowerBound, scale), place(interval.upperBound, scale))
            shapes.append(
                .polyline([(from, y), (to, y)], style: LineStyle(colour: style.colour, mark: style.mark), name: "bar"))
            for end in [from, to] {
                shapes.append(
                    .polyline([(end, y - 5), (end, y + 5)], style: LineStyle(colour: style.colour, mark: style.mark)))
            }
        }
        shapes.append(.mark(style, x: x, y: y, size: 10))
        // The words stand above the mark, as far to its side as leaves them inside the picture.
        let words = "\(LabelLayout.short(row.name, limit: 34)) \(Readable.brief(row.value))"
        let half = Double(words.count) * 3.9
        let at = min(max(x, 4 + half), width - 4 - half)
        shapes.append(.text(words, x: at, y: middle - 5, anchor: .middle, name: "name"))
        return [SVG("g").holding(shapes)]
    }
}
