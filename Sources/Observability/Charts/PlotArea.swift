/// The part of a chart between its two axes: where a value lies in the picture, and the axes themselves.
struct PlotArea {
    /// What stands along the two axes.
    let horizontal: LineChart.Axis
    let vertical: LineChart.Axis
    private let x: AxisScale
    private let y: AxisScale
    /// Sizes in the picture's own units. A picture is as narrow as a phone, so that its letters can be read there.
    let width: Double
    let height: Double
    /// The room at the right of the plot.
    let margin: Double

    static let left = 58.0, top = 24.0, bottom = 42.0

    /// - Parameter points: all that is drawn; the axes span it.
    init(
        _ horizontal: LineChart.Axis, _ vertical: LineChart.Axis, points: [(x: Double, y: Double)], width: Double = 440,
        height: Double = 270, margin: Double
    ) {
        self.horizontal = horizontal
        self.vertical = vertical
        x = horizontal.scale(of: points.map(\.x))
        y = vertical.scale(of: points.map(\.y))
        self.width = width
        self.height = height
        self.margin = margin
    }

    /// The right and the lower end of the plot.
    var right: Double { width - margin }
    var base: Double { height - Self.bottom }

    func place(_ point: (x: Double, y: Double)) -> (x: Double, y: Double) {
        (
            Self.left + x.place(of: point.x) * (right - Self.left),
            Self.top + (1 - y.place(of: point.y)) * (base - Self.top)
        )
    }

    /// The axes with their ticks and labels.
    var axes: [SVG] {
        var parts: [SVG] = [SVG.text(vertical.label, x: 4, y: 13, name: "axis")]
        for tick in y.ticks {
            let y = place((x: 0, y: tick.value)).y
            parts.append(.line(x1: Self.left, y1: y, x2: right, y2: y, name: "grid"))
            parts.append(.text(tick.label, x: Self.left - 6, y: y + 4.5, anchor: .end, name: "tick"))
        }
        for tick in x.ticks {
            let x = place((x: tick.value, y: 0)).x
            parts.append(.line(x1: x, y1: base, x2: x, y2: base + 4, name: "grid"))
            parts.append(.text(tick.label, x: x, y: base + 18, anchor: .middle, name: "tick"))
        }
        parts.append(
            .text(horizontal.label, x: (Self.left + right) / 2, y: height - 6, anchor: .middle, name: "axis"))
        return parts
    }
}
