/// What happened when, a lane for each peer: spans of work, and marks for single moments.
package struct TimelineChart: Sendable {
    /// One peer's lane.
    package struct Lane: Sendable {
        package var name: String
        /// From when to when it was at work, in seconds.
        package var spans: [ClosedRange<Double>]
        package var marks: [Mark]

        package init(name: String, spans: [ClosedRange<Double>], marks: [Mark] = []) {
            self.name = name
            self.spans = spans
            self.marks = marks
        }
    }

    /// A moment, by its place among `kinds`.
    package struct Mark: Sendable, Hashable {
        package var time: Double
        package var kind: Int
        package var note: String

        package init(time: Double, kind: Int, note: String) {
            self.time = time
            self.kind = kind
            self.note = note
        }
    }

    package var title: String
    package var caption: String
    /// What marks stand for, in the legend.
    package var kinds: [String]
    package var lanes: [Lane]

    package init(title: String, caption: String = "", kinds: [String], lanes: [Lane]) {
        self.title = title
        self.caption = caption
        self.kinds = kinds
        self.lanes = lanes
    }

    private static let width = 440.0, left = 86.0, right = 18.0, top = 8.0

    /// The figure; nil where nothing happened at all.
    package func figure(key: String) -> Figure? {
        let times = lanes.flatMap { lane in
            lane.spans.flatMap { [$0.lowerBound, $0.upperBound] } + lane.marks.map(\.time)
        }.filter(\.isFinite)
        guard !times.isEmpty else { return nil }
        let scale = AxisScale(times, measure: .seconds, zero: .always)
        let used = kinds.indices.filter { kind in lanes.contains { $0.marks.contains { $0.kind == kind } } }
        let height = lanes.count <= 20 ? 20.0 : 12
        let bottom = Self.top + height * Double(lanes.count)
        var parts: [SVG] = []
        for tick in scale.ticks {
            let x = Self.place(tick.value, scale)
            parts.append(.line(x1: x, y1: Self.top, x2: x, y2: bottom, name: "grid"))
            parts.append(.text(tick.label, x: x, y: bottom + 17, anchor: .middle, name: "tick"))
        }
        for (index, lane) in lanes.enumerated() {
            parts += draw(lane, Self.top + height * (Double(index) + 0.5), height, scale)
        }
        for (row, kind) in used.enumerated() {
            let y = bottom + 38 + Double(row) * 18
            parts.append(.mark(Self.style(kind), x: Self.left, y: y, size: 8))
            parts.append(.text(kinds[kind], x: Self.left + 12, y: y + 4.5, name: "name"))
        }
        let told = used.map { kind in
            "\(lanes.reduce(0) { $0 + $1.marks.count { $0.kind == kind } }) times: \(kinds[kind])."
        }
        return Figure(
            title: title, caption: caption,
            picture: .picture(
                key: key, title: title,
                description: ("\(Readable.count(lanes.count, "peer")) over \(scale.ticks.last?.label ?? ""). "
                    + told.joined(separator: " ")),
                width: Self.width, height: bottom + 28 + Double(used.count) * 18, parts))
    }

    private static func place(_ time: Double, _ scale: AxisScale) -> Double {
        left + scale.place(of: time) * (width - left - right)
    }

    private static func style(_ kind: Int) -> LineStyle {
        LineStyle(colour: [1, 3, 4, 2][kind % 4], mark: LineStyle.Mark.allCases[(kind + 3) % 4])
    }

    private func draw(_ lane: Lane, _ y: Double, _ height: Double, _ scale: AxisScale) -> [SVG] {
        var parts: [SVG] = []
        if lanes.count <= 20 {
            parts.append(
                .text(LabelLayout.short(lane.name, limit: 10), x: Self.left - 8, y: y + 4.5, anchor: .end, name: "name")
            )
        }
        for span in lane.spans {
            let (from, to) = (Self.place(span.lowerBound, scale), Self.place(span.upperBound, scale))
            parts.append(
                SVG(
                    "rect",
                    [
                        "x": SVG.number(from), "y": SVG.number(y - height * 0.22),
                        "width": SVG.number(max(1, to - from)),
                        "height": SVG.number(height * 0.44), "class": "span",
                    ]
                ).holding([SVG("title", text: lane.name)]))
        }
        for mark in lane.marks {
            parts.append(
                SVG("g").holding([
                    SVG("title", text: mark.note),
                    .mark(Self.style(mark.kind), x: Self.place(mark.time, scale), y: y, size: 8),
                ]))
        }
        return parts
    }
}
