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
