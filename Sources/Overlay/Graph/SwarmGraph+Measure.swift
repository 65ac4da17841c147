extension SwarmGraph {
    /// The number of edges on the shortest way from `start` to every peer; nil where there is none.
    package func distances(from start: Int) -> [Int?] {
        var distances = [Int?](repeating: nil, count: count)
        distances[start] = 0
        var frontier = [start]
        var steps = 0
        while !frontier.isEmpty {
            steps += 1
            var next: [Int] = []
            for peer in frontier {
                for neighbour in neighbours[peer] where distances[neighbour] == nil {
                    distances[neighbour] = steps
                    next.append(neighbour)
                }
            }
            frontier = next
        }
        return distances
    }

    /// The peers that `start` cannot reach, ascending; empty exactly when the graph is connected.
    package func unreachable(from start: Int = 0) -> [Int] {
        guard count > 0 else { return [] }
        return distances(from: start).enumerated().filter { $0.element == nil }.map(\.offset)
    }

    /// Whether there is a way between any two peers.
    package var isConnected: Bool { unreachable().isEmpty }

    /// The longest of the shortest ways between two peers; nil when some are not connected. Above 16,384 peers, where ways
    /// from every peer take too long to measure, the longest of those from a few: the true one is no shorter, and at most
    /// twice as long.
    package var diameter: Int? {
        var longest = 0
        var start = 0
        for peer in 0..<min(count, Self.measurable) {
            if count > Self.measurable && peer >= 32 { break }
            // Of a large graph: from the peer farthest from the last one, which mostly lies at an end.
            let ways = distances(from: count > Self.measurable ? start : peer)
            for (other, distance) in ways.enumerated() {
                guard let distance else { return nil }
                if distance >= longest { start = other }
                longest = max(longest, distance)
            }
        }
        return longest
    }

    /// Up to so many peers the ways from every peer are measured.
    package static let measurable = 16_384
}

extension SwarmGraph {
    /// The longest of the shortest ways when any one peer, or none, is missing: how many rounds news takes at most in a
    /// swarm that has lost a peer. Between peers that the loss cuts apart there is no way, and none is counted.
    ///
    /// Exact up to 128 peers; above, the smaller of `count − 1` and twice the diameter; above 16,384, where ways from every
    /// peer take too long to measure, of `count − 1` and four times the longest way from one peer. The graph must be
    /// connected.
    package var diameterWithOneMissing: Int {
        guard count <= Self.measurable else {
            return min(count - 1, 4 * (distances(from: 0).compactMap { $0 }.max() ?? count))
        }
        let whole = diameter ?? max(0, count - 1)
        guard count <= 128 else { return min(count - 1, 2 * whole) }
        let all = edges
        return (0..<count).reduce(whole) { longest, missing in
            let rest = SwarmGraph(count: count, edges: all.filter { $0.first != missing && $0.second != missing })
            return (0..<count).reduce(longest) { max($0, rest.distances(from: $1).compactMap { $0 }.max() ?? 0) }
        }
    }
}

extension SwarmGraph {
    /// Peers without whom the others would not be connected, ascending: the graph does not survive one of them failing.
    /// Empty where the graph is not connected as it is.
    ///
    /// One walk over all edges (Hopcroft and Tarjan, 1973): a peer is one of them if some part of the walk below it leads
    /// to nothing above it; the peer that the walk begins with, if two parts hang from it.
    package var cutPeers: [Int] {
        guard count > 2, isConnected else { return [] }
        var walk = Walk(count: count)
        walk.enter(0, from: nil)
        while let peer = walk.path.last {
            guard walk.next[peer] < neighbours[peer].count else {
                walk.leave(peer)
                continue
            }
            let other = neighbours[peer][walk.next[peer]]
            walk.next[peer] += 1
            if walk.number[other] == nil {
                walk.enter(other, from: peer)
            } else if other != walk.parent[peer] {
                walk.lowest[peer] = min(walk.lowest[peer], walk.number[other]!)
            }
        }
        return (0..<count).filter { walk.cuts[$0] }
    }

    /// A depth-first walk. Its path is kept here and not on the stack, which a ring of thousands would overflow.
    private struct Walk {
        /// When each peer was first met; nil before.
        var number: [Int?]
        /// The earliest peer that the part of the walk below each leads to.
        var lowest: [Int]
        var parent: [Int?]
        /// Which of its neighbours is looked at next.
        var next: [Int]
        var cuts: [Bool]
        var path: [Int] = []
        private var met = 0
        private var partsAtStart = 0

        init(count: Int) {
            number = Array(repeating: nil, count: count)
            lowest = Array(repeating: 0, count: count)
            parent = Array(repeating: nil, count: count)
            next = Array(repeating: 0, count: count)
            cuts = Array(repeating: false, count: count)
        }

        mutating func enter(_ peer: Int, from above: Int?) {
            number[peer] = met
            lowest[peer] = met
            parent[peer] = above
            met += 1
            path.append(peer)
        }

        mutating func leave(_ peer: Int) {
            path.removeLast()
            guard let above = parent[peer] else { return }
            lowest[above] = min(lowest[above], lowest[peer])
            if parent[above] == nil {
                partsAtStart += 1
                cuts[above] = partsAtStart > 1
            } else if lowest[peer] >= number[above]! {
                cuts[above] = true
            }
        }
    }
}
