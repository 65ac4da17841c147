package import Basics

extension SwarmGraph {
    /// Why a graph of a family does not exist for a number of peers; the text says what would.
    package struct ImpossibleGraph: Error, Hashable, CustomStringConvertible {
        package let description: String

        package init(description: String) { self.description = description }
    }

    /// Each peer with the one before and the one after it.
    package static func ring(count: Int) -> SwarmGraph {
        SwarmGraph(count: count, edges: count < 2 ? [] : (0..<count).map { Edge($0, ($0 + 1) % count) })
    }

    /// Every peer with every other.
    package static func complete(count: Int) -> SwarmGraph {
        SwarmGraph(count: count, edges: (0..<count).flatMap { peer in (0..<peer).map { Edge($0, peer) } })
    }

    /// Peer 0 with every other, and no further edges.
    package static func star(count: Int) -> SwarmGraph {
        SwarmGraph(count: count, edges: (1..<max(1, count)).map { Edge(0, $0) })
    }

    /// A grid of rows and columns, closed at its sides, as near to a square as `count` divides.
    package static func torus(count: Int) throws(ImpossibleGraph) -> SwarmGraph {
        var rows = Int(Double(count).squareRoot())
        while rows > 1 && !count.isMultiple(of: rows) { rows -= 1 }
        guard rows > 1 else {
            throw ImpossibleGraph(
                description: "a torus has rows and columns; \(count) peers do not divide into them (4, 6, 8, 9 … do)")
        }
        let columns = count / rows
        let edges = (0..<count).flatMap { peer in
            let row = peer / columns, column = peer % columns
            return [
                Edge(peer, row * columns + (column + 1) % columns), Edge(peer, (row + 1) % rows * columns + column),
            ]
        }
        return SwarmGraph(count: count, edges: edges)
    }

    /// Peers whose numbers differ in one binary digit are neighbours.
    package static func hypercube(count: Int) throws(ImpossibleGraph) -> SwarmGraph {
        guard count > 1, count & (count - 1) == 0 else {
            throw ImpossibleGraph(
                description: "a hypercube has 2, 4, 8, 16 … peers, a power of two; \(count) is none")
        }
        let edges = (0..<count).flatMap { peer in
            (0..<count.trailingZeroBitCount).map { Edge(peer, peer ^ (1 << $0)) }
        }
        return SwarmGraph(count: count, edges: edges)
    }

    /// Each peer with those 1, 2, 4, 8 … places before and after it: the exponential graph of Ying et al. (2021),
    /// taken as undirected, so that two peers who exchange both give and take.
    package static func exponential(count: Int) -> SwarmGraph {
        var edges: [Edge] = []
        var hop = 1
        while hop < count {
            edges += (0..<count).map { Edge($0, ($0 + hop) % count) }
            hop *= 2
        }
        return SwarmGraph(count: count, edges: edges)
    }

    /// A random graph in which every peer has `degree` neighbours, connected, from `generator`.
    ///
    /// Pairs of free ends are joined at random, and drawn again where the pair would be a loop or a second edge
    /// (Steger and Wormald, 1999); when only such pairs are left, or the graph is not connected, it starts afresh. Where
    /// every peer has more than half of the others, the edges that are missing are drawn in this way, which seldom fails.
    package static func randomRegular(
        count: Int, degree: Int, using generator: inout SeededGenerator
    ) throws(ImpossibleGraph) -> SwarmGraph {
        guard degree >= 2, degree < count, (degree * count).isMultiple(of: 2) else {
            throw ImpossibleGraph(
                description:
                    "no connected graph has \(count) peers of degree \(degree): it needs 2 to \(count - 1), "
                    + "and peers times degree even")
        }
        let missing = count - 1 - degree
        for _ in 0..<1000 where missing < degree {
            guard let absent = pairing(count: count, degree: missing, using: &generator) else { continue }
            let edges = (0..<count).flatMap { peer in (0..<peer).map { Edge($0, peer) } }
            return SwarmGraph(count: count, edges: edges.filter { !absent.contains($0) })
        }
        for _ in 0..<1000 {
            guard let edges = pairing(count: count, degree: degree, using: &generator) else { continue }
            let graph = SwarmGraph(count: count, edges: edges)
            if graph.isConnected { return graph }
        }
        throw ImpossibleGraph(description: "no connected random graph was found; another seed may give one")
    }

    private static func pairing(count: Int, degree: Int, using generator: inout SeededGenerator) -> Set<Edge>? {
        var ends = (0..<count).flatMap { [Int](repeating: $0, count: degree) }
        var edges: Set<Edge> = []
        var failures = 0
        while !ends.isEmpty {
            let one = Int.random(in: 0..<ends.count, using: &generator)
            let other = Int.random(in: 0..<ends.count, using: &generator)
            if ends[one] != ends[other], edges.insert(Edge(ends[one], ends[other])).inserted {
                for place in [max(one, other), min(one, other)] {
                    ends.swapAt(place, ends.count - 1)
                    ends.removeLast()
                }
                failures = 0
            } else {
                failures += 1
                if failures > 100 + ends.count * ends.count { return nil }
            }
        }
        return edges
    }
}
