import Basics

extension DataPartition {
    /// How often a draw that leaves a peer below the minimum is repeated.
    static let drawLimit = 2_000

    /// Every category in Dirichlet proportions.
    static func dirichlet(
        _ groups: [(category: String, places: [Int])], names: [String], alpha: Double, minimum: Int,
        using generator: inout SeededGenerator
    ) throws(PartitionError) -> [[Int]] {
        let records = groups.reduce(0) { $0 + $1.places.count }
        try check(alpha: alpha, minimum: minimum, records: records, peers: names.count)
        let counts = try draw(names: names, minimum: minimum) {
            countsByGroup(
                groups.map(\.places.count), peers: names.count, alpha: alpha, equalShare: records / names.count,
                using: &generator)
        } sizes: { table in
            names.indices.map { peer in table.reduce(0) { $0 + $1[peer] } }
        }
        var parts = [[Int]](repeating: [], count: names.count)
        for (group, counts) in zip(groups, counts) {
            let shuffled = group.places.shuffled(using: &generator)
            var start = 0
            for (peer, count) in counts.enumerated() {
                parts[peer].append(contentsOf: shuffled[start..<(start + count)])
                start += count
            }
        }
        return parts
    }

    /// Shuffled records in Dirichlet quantities.
    static func quantity(
        _ shuffled: [Int], names: [String], alpha: Double, minimum: Int, using generator: inout SeededGenerator
    ) throws(PartitionError) -> [[Int]] {
        try check(alpha: alpha, minimum: minimum, records: shuffled.count, peers: names.count)
        let counts = try draw(names: names, minimum: minimum) {
            Self.counts(of: shuffled.count, in: generator.dirichlet(count: names.count, alpha: alpha))
        } sizes: {
            $0
        }
        var start = 0
        return counts.map { count in
            defer { start += count }
            return Array(shuffled[start..<(start + count)])
        }
    }

    /// How many records of each group each peer gets: for every group a row of a count a peer.
    private static func countsByGroup(
        _ sizes: [Int], peers: Int, alpha: Double, equalShare: Int, using generator: inout SeededGenerator
    ) -> [[Int]] {
        var held = [Int](repeating: 0, count: peers)
        return sizes.map { size in
            var proportions = generator.dirichlet(count: peers, alpha: alpha)
            // As in Shepherd: whoever has an equal share already gets nothing of further categories.
            for peer in proportions.indices where held[peer] >= max(1, equalShare) { proportions[peer] = 0 }
            var sum = proportions.reduce(0, +)
            if sum <= 0 {
                // Whoever has room had a proportion that underflowed: one of them takes the group.
                let hungry = held.indices.min { held[$0] < held[$1] } ?? 0
                proportions[hungry] = 1
                sum = 1
            }
            let counts = Self.counts(of: size, in: proportions.map { $0 / sum })
            for peer in counts.indices { held[peer] += counts[peer] }
            return counts
        }
    }

    /// `size` cut at the rounded-down cumulative proportions, so that the counts add up to `size`.
    private static func counts(of size: Int, in proportions: [Double]) -> [Int] {
        var cumulative = 0.0
        var start = 0
        return proportions.indices.map { index in
            cumulative += proportions[index]
            let isLast = index == proportions.count - 1
            // The sum of proportions may be off by rounding: the last part takes what is left.
            let end = isLast ? size : max(start, min(size, Int(cumulative * Double(size))))
            defer { start = end }
            return end - start
        }
    }

    /// Repeats `attempt` until every peer's size reaches the minimum.
    private static func draw<Draw>(
        names: [String], minimum: Int, attempt: () -> Draw, sizes: (Draw) -> [Int]
    ) throws(PartitionError) -> Draw {
        var best = 0
        var starved = 0
        for _ in 0..<drawLimit {
            let drawn = attempt()
            let held = sizes(drawn)
            let least = held.indices.min { held[$0] < held[$1] } ?? 0
            if held[least] >= max(1, minimum) { return drawn }
            // For the error's words: the nearest that any draw came.
            if held[least] >= best { (best, starved) = (held[least], least) }
        }
        throw .minimumNotReached(minimum: max(1, minimum), draws: drawLimit, best: best, peer: names[starved])
    }

    private static func check(alpha: Double, minimum: Int, records: Int, peers: Int) throws(PartitionError) {
        guard alpha > 0, alpha.isFinite else {
            throw .badSetting("a Dirichlet alpha is a positive number, not \(alpha)")
        }
        guard minimum >= 0 else { throw .badSetting("a minimum of records is not negative, as \(minimum) is") }
        guard minimum <= records / peers else {
            throw .minimumTooLarge(minimum: minimum, peers: peers, records: records)
        }
    }
}
