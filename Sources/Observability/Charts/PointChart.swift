/// Points over two axes, each with its name beside it and the interval that its height may lie in.
package struct PointChart: Sendable {
    /// One point.
    package struct Point: Sendable {
        package var name: String
        package var x: Double
        package var y: Double
        /// Where `y` may lie; nil where that is not known.
        package var interval: ClosedRange<Double>?
        /// The number of its style: points of one style are of one kind.
        package var style: Int

        package init(name: String, x: Double, y: Double, interval: ClosedRange<Double>? = nil, style: Int) {
            self.name = name
            self.x = x
            self.y = y
            self.interval = interval
            self.style = style
        }
    }

    package var title: String
    package var caption: String
    package var horizontal: LineChart.Axis
    package var vertical: LineChart.Axis
    package var points: [Point]
    /// Whether points of one style are joined in their order, as values that go up are.
    package var isJoined: Bool

    package init(
        title: String, caption: String = "", horizontal: LineChart.Axis, vertical: LineChart.Axis, points: [Point],
        isJoined: Bool = false
    ) {
        self.title = title
        self.caption = caption
        self.horizontal = horizontal
        self.vertical = vertical
        self.points = points
        self.isJoined = isJoined
    }

    private static let height = 300.0, margin = 30.0
    /// How far the middles of two marks are apart.
    private static let mark = 11.0
    /// About how wide a letter is, and how high a line of text.
    private static let letter = 7.8, line = 16.0
    /// More letters of a name have no room.
    private static let letters = 24

    /// The figure; nil where there is nothing to draw. `key` tells it from other figures of the page.
    package func figure(key: String) -> Figure? {
        let drawn = points.filter { horizontal.shows($0.x) && vertical.shows($0.y) }
        guard !drawn.isEmpty else { return nil }
        let ends = drawn.flatMap { point in
            [(point.x, point.y)]
                + (point.interval.map { [(point.x, $0.lowerBound), (point.x, $0.upperBound)] } ?? []).filter {
                    vertical.shows($0.1)
                }
        }
        let area = PlotArea(horizontal, vertical, points: ends, height: Self.height, margin: Self.margin)
        let (places, areMoved) = Self.places(drawn, area)
        let picture = SVG.picture(
            key: key, title: title, description: description(of: drawn), width: area.width, height: area.height,
            area.axes + joints(drawn, places) + zip(drawn, places).map { Self.draw($0, at: $1, area) }
                + names(drawn, places, area))
        let moved = areMoved ? " Marks that would cover one another stand side by side." : ""
        return Figure(title: title, caption: caption + moved, picture: picture)
    }

    /// Where the points are drawn: at least a mark's width apart, and whether one had to be moved for that.
    private static func places(_ drawn: [Point], _ area: PlotArea) -> (places: [(x: Double, y: Double)], areMoved: Bool)
    {
        let places = drawn.map { area.place(($0.x, $0.y)) }
        let range = PlotArea.left...area.right
        guard let apart = LabelLayout.places(places.map(\.x), spacing: mark, within: range) else {
            return (places, false)
        }
        let areMoved = zip(places, apart).contains { abs($0.x - $1) > 1 }
        return (zip(places, apart).map { (x: $1, y: $0.y) }, areMoved)
    }

    private func description(of drawn: [Point]) -> String {
        let told = drawn.map { point in
            let at =
                horizontal.measure == .bytes
                ? Readable.bytes(Int(exactly: point.x.rounded()) ?? .max) : Readable.brief(point.x)
            return "\(point.name): \(Readable.brief(point.y))"
                + (point.interval.map {
                    ", between \(Readable.brief($0.lowerBound)) and \(Readable.brief($0.upperBound))"
                } ?? "") + ", at \(at)."
        }
        return (["\(vertical.label) over \(horizontal.label)."] + told).joined(separator: " ")
    }

    private func joints(_ drawn: [Point], _ places: [(x: Double, y: Double)]) -> [SVG] {
        guard isJoined else { return [] }
        return Set(drawn.map(\.style)).sorted().compactMap { style in
            let line = zip(drawn, places).filter { $0.0.style == style }.map(\.1)
            return line.count < 2 ? nil : .polyline(line, style: LineStyle(style), name: "pale")
        }
    }

    private static func draw(_ point: Point, at place: (x: Double, y: Double), _ area: PlotArea) -> SVG {
        let style = LineStyle(point.style)
        let (x, y) = place
        var shapes = [SVG("title", text: "\(point.name): \(Readable.brief(point.y))")]
        if let interval = point.interval {
            let ends = [interval.lowerBound, interval.upperBound].map { area.place((point.x, $0)).y }
            let solid = LineStyle(colour: style.colour, mark: style.mark)
            shapes.append(.polyline([(x, ends[0]), (x, ends[1])], style: solid))
            for end in ends { shapes.append(.polyline([(x - 4, end), (x + 4, end)], style: solid)) }
        }
        shapes.append(.mark(style, x: x, y: y, size: 9))
        return SVG("g").holding(shapes)
    }

    /// The names, each near its point where nothing is covered; one without room is told in the description only.
    private func names(_ drawn: [Point], _ places: [(x: Double, y: Double)], _ area: PlotArea) -> [SVG] {
        var taken: [LabelLayout.Box] = []
        for (point, place) in zip(drawn, places) {
            taken.append(.init(x: place.x - 6, y: place.y - 6, width: 12, height: 12))
            guard let interval = point.interval else { continue }
            let (low, high) = (
                area.place((point.x, interval.lowerBound)).y, area.place((point.x, interval.upperBound)).y
            )
            taken.append(.init(x: place.x - 5, y: high, width: 10, height: low - high))
        }
        let words = drawn.map { LabelLayout.short($0.name, limit: Self.letters) }
        let boxes = LabelLayout.beside(
            places, widths: words.map { Double($0.count) * Self.letter }, height: Self.line, around: taken,
            within: .init(
                x: PlotArea.left, y: PlotArea.top, width: area.width - PlotArea.left, height: area.base - PlotArea.top)
        )
        return drawn.indices.flatMap { index -> [SVG] in
            guard let box = boxes[index] else { return [] }
            // Letters that are wider than expected lead away from the point.
            let (isLeft, isRight) = (box.x + box.width < places[index].x, box.x > places[index].x)
            let (x, anchor): (Double, SVG.Anchor) =
                isLeft ? (box.x + box.width, .end) : isRight ? (box.x, .start) : (box.x + box.width / 2, .middle)
            let text = SVG.text(words[index], x: x, y: box.y + 12.5, anchor: anchor, name: "name")
            let middle = box.y + box.height / 2
            guard abs(middle - places[index].y) > Self.line else { return [text] }
            // Too far off to be seen as its name: a line leads there.
            let end = min(max(places[index].x, box.x - 2), box.x + box.width + 2)
            let height = end == places[index].x ? (middle < places[index].y ? box.y + box.height : box.y) : middle
            return [
                .line(x1: places[index].x, y1: places[index].y, x2: end, y2: height, name: "leader"), text,
            ]
        }
    }
}
