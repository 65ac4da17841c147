import Basics

extension DataPartition {
    /// Each category to one peer, or each peer to one category.
    static func byCategory(
        _ groups: [(category: String, places: [Int])], peers: Int, using generator: inout SeededGenerator
    ) -> [[Int]] {
        var parts = [[Int]](repeating: [], count: peers)
        // A stable sort by size, so that equal sizes stay in the order of names.
        let bySize = groups.enumerated().sorted { left, right in
            let (a, b) = (left.element.places.count, right.element.places.count)
            return a != b ? a > b : left.offset < right.offset
        }.map(\.element)
        guard groups.count < peers else {
            for group in bySize {
                let least = parts.indices.min { parts[$0].count < parts[$1].count } ?? 0
                parts[least].append(contentsOf: group.places)
            }
            return parts
        }
        // More peers than categories: one peer each, the others join whichever category then leaves its peers the most.
        // No peer stays empty, as there are at least as many records as peers.
        var members = bySize.indices.map { [$0] }
        for peer in bySize.count..<peers {
            let share = { (group: Int) in Double(bySize[group].places.count) / Double(members[group].count + 1) }
            let fullest = members.indices.max { share($0) < share($1) } ?? 0
            members[fullest].append(peer)
        }
        for (group, joined) in zip(bySize, members) {
            for (peer, share) in zip(joined, cut(group.places.shuffled(using: &generator), into: joined.count)) {
                parts[peer].append(contentsOf: share)
            }
        }
        return parts
    }

    /// Shards of the list sorted by category, dealt out at random.
    static func shards(
        _ groups: [(category: String, places: [Int])], peers: Int, perPeer: Int,
        using generator: inout SeededGenerator
    ) -> [[Int]] {
        // Within a category the order is random: the file's order may carry a meaning that no peer should hold alone.
        var sorted: [Int] = []
        for group in groups { sorted.append(contentsOf: group.places.shuffled(using: &generator)) }
        let shards = cut(sorted, into: peers * perPeer).shuffled(using: &generator)
        return (0..<peers).map { peer in shards[(peer * perPeer)..<((peer + 1) * perPeer)].flatMap { $0 } }
    }
}
