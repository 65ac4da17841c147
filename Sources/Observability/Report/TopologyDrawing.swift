/// The graph of a swarm as inline SVG: peers on a circle, neighbours joined.
package struct TopologyDrawing: Sendable {
    /// The peers' names, in order around the circle.
    package var names: [String]
    /// Pairs of neighbours, by place in `names`.
    package var edges: [(Int, Int)]

    package init(names: [String], edges: [(Int, Int)]) {
        self.names = names
        self.edges = edges
    }

    /// The figure as HTML.
    package var html: String {
        let centre = 170.0
        let radius = 120.0
        let places = names.indices.map { index -> (x: Double, y: Double) in
            let angle = 2 * Double.pi * Double(index) / Double(max(1, names.count)) - Double.pi / 2
            return (centre + radius * Elementary.cosine(angle), centre + radius * Elementary.sine(angle))
        }
        var svg = "<svg class=\"graph\" viewBox=\"0 0 340 340\" role=\"img\" aria-label=\"topology\">\n"
        for (from, to) in edges where names.indices.contains(from) && names.indices.contains(to) {
            svg += "<line class=\"edge\" x1=\"\(places[from].x)\" y1=\"\(places[from].y)\" "
            svg += "x2=\"\(places[to].x)\" y2=\"\(places[to].y)\"/>\n"
        }
        for (index, name) in names.enumerated() {
            let place = places[index]
            svg += "<circle cx=\"\(place.x)\" cy=\"\(place.y)\" r=\"7\"/>\n"
            let labelX = centre + (place.x - centre) * 1.2
            let labelY = centre + (place.y - centre) * 1.2 + 4
            svg += "<text x=\"\(labelX)\" y=\"\(labelY)\" text-anchor=\"middle\">\(HTML.escape(name))</text>\n"
        }
        return "<figure><figcaption>Topology</figcaption>\n\(svg)</svg></figure>"
    }
}
