/// An element of SVG and its text, written the same way always: numbers with one digit after the point, everything escaped.
package struct SVG: Sendable, Hashable {
    private let name: String
    private var attributes: [(name: String, value: String)] = []
    private var content = ""

    package init(_ name: String, _ attributes: KeyValuePairs<String, String> = [:], text: String? = nil) {
        self.name = name
        self.attributes = attributes.map { ($0.key, $0.value) }
        if let text { content = HTML.escape(text) }
    }

    package static func == (left: SVG, right: SVG) -> Bool { left.markup == right.markup }

    package func hash(into hasher: inout Hasher) { hasher.combine(markup) }

    /// Puts `children` into the element.
    package consuming func holding(_ children: some Sequence<SVG>) -> SVG {
        for child in children { content += child.markup }
        return self
    }

    /// With an attribute more.
    package consuming func with(_ name: String, _ value: String) -> SVG {
        attributes.append((name, value))
        return self
    }

    /// The element as text.
    package var markup: String {
        let head = attributes.map { " \($0.name)=\"\(HTML.escape($0.value))\"" }.joined()
        return content.isEmpty ? "<\(name)\(head)/>" : "<\(name)\(head)>\(content)</\(name)>"
    }

    /// A coordinate, in tenths at most.
    package static func number(_ value: Double) -> String {
        let text = Readable.number(value, digits: 1)
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }

    // MARK: What charts are made of

    package enum Anchor: String, Sendable { case start, middle, end }

    /// Words at a place. `name` is a style's name.
    package static func text(
        _ words: String, x: Double, y: Double, anchor: Anchor = .start, name: String? = nil
    ) -> SVG {
        let text = SVG("text", ["x": number(x), "y": number(y), "text-anchor": anchor.rawValue], text: words)
        return name.map { text.with("class", $0) } ?? text
    }

    package static func line(x1: Double, y1: Double, x2: Double, y2: Double, name: String) -> SVG {
        SVG("line", ["x1": number(x1), "y1": number(y1), "x2": number(x2), "y2": number(y2), "class": name])
    }

    package static func polyline(_ points: [(x: Double, y: Double)], style: LineStyle, name: String = "line") -> SVG {
        let line = SVG(
            "polyline",
            [
                "points": points.map { number($0.x) + "," + number($0.y) }.joined(separator: " "),
                "class": "\(name) s\(style.colour)",
            ])
        return style.dashes.isEmpty
            ? line : line.with("stroke-dasharray", style.dashes.map { "\($0)" }.joined(separator: " "))
    }

    /// A mark of a series, about `size` wide.
    package static func mark(_ style: LineStyle, x: Double, y: Double, size: Double = 6) -> SVG {
        let half = size / 2
        let corners: [(Double, Double)]
        switch style.mark {
        case .circle:
            return SVG("circle", ["cx": number(x), "cy": number(y), "r": number(half), "class": "f\(style.colour)"])
        case .square: corners = [(-half, -half), (half, -half), (half, half), (-half, half)]
        case .triangle: corners = [(0, -half * 1.2), (half * 1.2, half), (-half * 1.2, half)]
        case .diamond: corners = [(0, -half * 1.3), (half * 1.3, 0), (0, half * 1.3), (-half * 1.3, 0)]
        }
        let points = corners.map { number(x + $0.0) + "," + number(y + $0.1) }.joined(separator: " ")
        return SVG("polygon", ["points": points, "class": "f\(style.colour)"])
    }

    /// A whole picture for a page: what it is called and what it shows are there for those who cannot see it.
    ///
    /// - Parameter key: makes the identifiers of this picture different from those of others on the page.
    package static func picture(
        key: String, title: String, description: String, width: Double, height: Double, _ children: [SVG]
    ) -> SVG {
        SVG(
            "svg",
            [
                "viewBox": "0 0 \(number(width)) \(number(height))", "role": "img",
                "aria-labelledby": "\(key)-title \(key)-desc",
            ]
        ).holding(
            [
                SVG("title", ["id": "\(key)-title"], text: title),
                SVG("desc", ["id": "\(key)-desc"], text: description),
            ] + children)
    }
}

/// A chart on a page: its caption in words, then the picture, which becomes wider where there is room.
package struct Figure: Sendable, Hashable {
    package let title: String
    package let caption: String
    package let picture: SVG

    package init(title: String, caption: String = "", picture: SVG) {
        self.title = title
        self.caption = caption
        self.picture = picture
    }

    package var html: String {
        let words = caption.isEmpty ? "" : "<p class=\"muted\">\(HTML.escape(caption))</p>"
        return "<figure><figcaption>\(HTML.escape(title))</figcaption>\(words)\n\(picture.markup)</figure>\n"
    }
}
