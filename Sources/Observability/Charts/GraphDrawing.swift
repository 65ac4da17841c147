import Foundation

/// The graph of a swarm: peers on a circle, as large as what they hold, neighbours joined by lines as thick as their weight.
package struct GraphDrawing: Sendable {
    /// One peer.
    package struct Node: Sendable, Hashable {
        package var name: String
        /// Its area, in any unit; nil for equal ones.
        package var size: Double?
        /// What a reader is told who points at it.
        package var note: String

        package init(name: String, size: Double? = nil, note: String = "") {
            self.name = name
            self.size = size
            self.note = note
        }
    }

    /// A line between two of them, by place.
    package struct Edge: Sendable, Hashable {
        package var from: Int
        package var to: Int
        /// Nil where none is known.
        package var weight: Double?

        package init(_ from: Int, _ to: Int, weight: Double? = nil) {
            self.from = from
            self.to = to
            self.weight = weight
        }
    }

    package var title: String
    package var caption: String
    package var nodes: [Node]
    package var edges: [Edge]

    package init(title: String, caption: String = "", nodes: [Node], edges: [Edge]) {
        self.title = title
        self.caption = caption
        self.nodes = nodes
        self.edges = edges
    }

    private static let width = 440.0, height = 320.0, radius = 118.0
    /// More names than this would cover one another.
    private static let namedNodes = 40

    /// The figure; nil for no peers. Lines that lead to nobody are left out.
    package func figure(key: String) -> Figure? {
        guard !nodes.isEmpty else { return nil }
        let joined = edges.filter {
            nodes.indices.contains($0.from) && nodes.indices.contains($0.to) && $0.from != $0.to
        }
        let (middleX, middleY) = (Self.width / 2, Self.height / 2)
        let angles = nodes.indices.map { 2 * Double.pi * Double($0) / Double(nodes.count) - Double.pi / 2 }
        let places = angles.map { (x: middleX + Self.radius * cos($0), y: middleY + Self.radius * sin($0)) }
        let most = joined.compactMap(\.weight).max() ?? 0
        var parts = joined.map { edge -> SVG in
            let (from, to) = (places[edge.from], places[edge.to])
            let line = SVG.line(x1: from.x, y1: from.y, x2: to.x, y2: to.y, name: "edge")
            guard let weight = edge.weight, most > 0 else { return line }
            let words = "\(nodes[edge.from].name) – \(nodes[edge.to].name): \(Readable.brief(weight))"
            return line.with("stroke-width", SVG.number(0.6 + 3 * max(0, weight) / most))
                .holding([SVG("title", text: words)])
        }
        for (index, node) in nodes.enumerated() {
            parts += draw(node, at: places[index], angle: angles[index])
        }
        let words =
            "\(Readable.count(nodes.count, "peer")) and \(Readable.count(joined.count, "connection")). "
            + nodes.prefix(24).map { $0.note.isEmpty ? $0.name : "\($0.name): \($0.note)" }.joined(separator: "; ")
        return Figure(
            title: title, caption: caption,
            picture: .picture(key: key, title: title, description: words, width: Self.width, height: Self.height, parts)
        )
    }

    private func draw(_ node: Node, at place: (x: Double, y: Double), angle: Double) -> [SVG] {
        let most = nodes.compactMap(\.size).max() ?? 0
        let largest = nodes.count <= 16 ? 13.0 : nodes.count <= Self.namedNodes ? 8 : 4
        let share = node.size.map { most > 0 ? max(0, $0) / most : 1 } ?? 0.4
        let radius = max(2.5, largest * share.squareRoot())
        let circle = SVG(
            "circle", ["cx": SVG.number(place.x), "cy": SVG.number(place.y), "r": SVG.number(radius), "class": "node"]
        )
        .holding([SVG("title", text: node.note.isEmpty ? node.name : "\(node.name): \(node.note)")])
        guard nodes.count <= Self.namedNodes else { return [circle] }
        // Outside of the circle, beside the node and not on it: to the right of what is right, above what is on top.
        let distance = largest + 5
        let x = place.x + distance * cos(angle)
        let y = place.y + distance * sin(angle) + 4.5 + (abs(cos(angle)) < 0.3 ? 4 * sin(angle) : 0)
        let anchor: SVG.Anchor = abs(cos(angle)) < 0.3 ? .middle : cos(angle) > 0 ? .start : .end
        return [circle, .text(LabelLayout.short(node.name, limit: 13), x: x, y: y, anchor: anchor, name: "name")]
    }
}
