import Basics

/// Who trains in a round and who relays, where not everybody trains in every round: FedAvg's client fraction (McMahan et al.,
/// 2017) without a coordinator. Everybody draws the same peers from the swarm's seed and the round's number.
package struct Participation: Sendable, Hashable {
    /// The share of the peers that train in a round, above zero and at most one.
    package var share: Double
    package var seed: UInt64

    /// Everybody trains in every round.
    package static let full = Participation(share: 1, seed: 0)

    package init(share: Double, seed: UInt64) {
        self.share = share
        self.seed = seed
    }

    /// The peers, by their places in the topology file, that train in `round`: the share of `count`, rounded, and one at
    /// least. The draws of two rounds have nothing to do with each other.
    package func participants(of count: Int, in round: Int) -> Set<Int> {
        guard share < 1 else { return Set(0..<count) }
        var generator = SeededGenerator(seed: seed, label: "participation \(round)")
        let wanted = min(count, max(1, Int((share * Double(count)).rounded())))
        var places = Array(0..<count)
        for index in 0..<wanted { places.swapAt(index, Int.random(in: index..<count, using: &generator)) }
        return Set(places.prefix(wanted))
    }

    /// Whether the peer at `place` trains in `round`.
    package func trains(_ place: Int, of count: Int, in round: Int) -> Bool {
        share >= 1 || participants(of: count, in: round).contains(place)
    }
}
