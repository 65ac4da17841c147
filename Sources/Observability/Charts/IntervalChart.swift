/// Rows of one value each with the interval that it may lie in, and dots for what it is the mean of.
package struct IntervalChart: Sendable {
    /// One row.
    package struct Row: Sendable {
        package var name: String
        /// Not a number for a row that has none: then `words` say why.
        package var value: Double
        /// Nil where it is not known.
        package var interval: ClosedRange<Double>?
        /// What `value` is the mean of, each as a pale dot.
        package var parts: [Double]
        /// The number of its style, so that a thing has the same colour in all charts; nil for that of its place.
        package var style: Int?
        /// What stands behind the name; nil for the value alone.
        package var words: String?
        /// Whether the axis need not reach it: it then stands at the edge with an arrow, where the other rows would
        /// have less than half of the room.
        package var mayLieOutside: Bool

        package init(
            name: String, value: Double, interval: ClosedRange<Double>? = nil, parts: [Double] = [], style: Int? = nil,
            words: String? = nil, mayLieOutside: Bool = false
        ) {
            self.name = name
            self.value = value
            self.interval = interval
            self.parts = parts
            self.style = style
            self.words = words
            self.mayLieOutside = mayLieOutside
        }

        /// Name and value.
        fileprivate var told: String { "\(name): \(words ?? Readable.brief(value))" }
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
        let drawn = rows.filter { axis.shows($0.value) || $0.words != nil }
        guard drawn.contains(where: { axis.shows($0.value) }) else { return nil }
        let scale = axis.scale(of: values(of: drawn))
        let bottom = Self.top + Self.height * Double(drawn.count)
        var parts = [
            SVG.text(axis.label, x: Self.left, y: bottom + 36, name: "axis")
        ]
        for tick in scale.ticks {
            let x = Self.place(tick.value, scale)
            // Where zero means something, its line is seen.
            let isZero = tick.value == 0 && axis.zero == .always
            parts.append(.line(x1: x, y1: Self.top, x2: x, y2: bottom, name: isZero ? "zero" : "grid"))
            parts.append(.text(tick.label, x: x, y: bottom + 17, anchor: .middle, name: "tick"))
        }
        for (index, row) in drawn.enumerated() {
            parts += Self.draw(
                row, LineStyle(row.style ?? index), Self.top + Self.height * (Double(index) + 0.5), scale)
        }
        let told = drawn.map { row in
            row.told
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

    /// What the axis spans: all values, but for rows that may lie outside and would take more than half of it.
    private func values(of drawn: [Row]) -> [Double] {
        func all(_ row: Row) -> [Double] {
            ([row.value] + row.parts + (row.interval.map { [$0.lowerBound, $0.upperBound] } ?? [])).filter(axis.shows)
        }
        let sure = drawn.filter { !$0.mayLieOutside }.flatMap(all)
        guard let low = sure.min(), let high = sure.max() else { return drawn.flatMap(all) }
        let others = drawn.filter(\.mayLieOutside).map(all).filter { values in
            values.allSatisfy { $0 <= high + (high - low) && $0 >= low - (high - low) }
        }
        return sure + others.flatMap { $0 }
    }

    private static func place(_ value: Double, _ scale: AxisScale) -> Double {
        left + scale.place(of: value) * (width - left - right)
    }

    private static func draw(_ row: Row, _ style: LineStyle, _ middle: Double, _ scale: AxisScale) -> [SVG] {
        let y = middle + 10
        let isOutside = row.mayLieOutside && (row.value > scale.upper || row.value < scale.lower)
        var shapes = [SVG("title", text: row.name)]
        if !isOutside { shapes += values(of: row, style, y, scale) }
        // The words stand above the mark, as far to its side as leaves them inside the picture.
        let arrow = isOutside ? (row.value > scale.upper ? " →" : " ←") : ""
        let told = "\(LabelLayout.short(row.name, limit: 34)) \(row.words ?? Readable.brief(row.value))"
        let words = LabelLayout.short(told, limit: 52) + arrow
        let half = Double(words.count) * 3.9
        let places = row.value.isFinite ? [row.value] : row.parts.filter(\.isFinite)
        let x = places.isEmpty ? left : place(places.reduce(0, +) / Double(places.count), scale)
        let at = max(4 + half, min(x, width - 4 - half))
        shapes.append(.text(words, x: at, y: middle - 5, anchor: .middle, name: "name"))
        return [SVG("g").holding(shapes)]
    }

    /// Dots, bar and mark of a row.
    private static func values(of row: Row, _ style: LineStyle, _ y: Double, _ scale: AxisScale) -> [SVG] {
        var shapes: [SVG] = []
        for part in row.parts where part.isFinite {
            let attributes: KeyValuePairs = [
                "cx": SVG.number(place(part, scale)), "cy": SVG.number(y), "r": "3", "class": "dot s\(style.colour)",
            ]
            shapes.append(SVG("circle", attributes))
        }
        let solid = LineStyle(colour: style.colour, mark: style.mark)
        if let interval = row.interval {
            let (from, to) = (place(interval.lowerBound, scale), place(interval.upperBound, scale))
            shapes.append(.polyline([(from, y), (to, y)], style: solid, name: "bar"))
            for end in [from, to] { shapes.append(.polyline([(end, y - 5), (end, y + 5)], style: solid)) }
        }
        if row.value.isFinite { shapes.append(.mark(style, x: place(row.value, scale), y: y, size: 10)) }
        return shapes
    }
}
