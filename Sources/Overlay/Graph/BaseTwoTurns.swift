/// Who exchanges with whom, with one peer a round at most, so that any number of peers reaches its mean in finitely many
/// rounds: the Simple Base-2 Graph of Takezawa et al., "Beyond exponential graph: communication-efficient topologies for
/// decentralized learning via finite-time convergence" (NeurIPS 2023, arXiv 2305.11420), Algorithm 1 with k = 1.
///
/// The peers, in the order of the topology file, are cut into blocks whose sizes are the powers of two in their number,
/// the largest first: 7 = 4 + 2 + 1.
///
/// 1. Each block averages itself over the digits of its places, as on a hypercube; smaller blocks are done sooner.
/// 2. Block after block, the peers behind a block exchange with as many in it. A peer gives the part `|block| / |block and
///    all behind|` of what it has, so that the block's mean and that of all behind become the mean of both.
/// 3. Then the block, which that left unequal, averages itself once more, while the next block exchanges.
///
/// The rounds are log₂ n where n is a power of two, else 2⌊log₂ n⌋ + 1.
package struct BaseTwoTurns: Sendable, Hashable {
    /// A block of peers: the first of its places, and the digits of its size.
    private struct Block: Sendable, Hashable {
        var start: Int
        var digits: Int
        var size: Int { 1 << digits }
        var end: Int { start + size }
    }

    /// Which peer this is, from zero.
    private let place: Int
    private let count: Int
    private let blocks: [Block]
    /// Which block the peer belongs to.
    private let own: Int
    /// Rounds after which everybody has the mean of what was there at the beginning.
    package let period: Int

    package init(count: Int, place: Int) {
        self.place = place
        self.count = count
        var blocks: [Block] = []
        for digits in (0..<Int.bitWidth - 1).reversed() where count > 0 && count & (1 << digits) != 0 {
            blocks.append(Block(start: blocks.last?.end ?? 0, digits: digits))
        }
        self.blocks = blocks
        own = blocks.firstIndex { place < $0.end } ?? 0
        let digits = blocks.first?.digits ?? 0
        period = blocks.count < 2 ? digits : 2 * digits + 1
    }

    /// A peer to exchange with, and the part of what it has that each of the two gives the other.
    package struct Turn: Sendable, Hashable {
        package var peer: Int
        package var part: Double

        package init(peer: Int, part: Double) {
            self.peer = peer
            self.part = part
        }
    }

    /// With whom the peer exchanges in round `round` of a period; nil where it has nobody.
    package func turn(in round: Int) -> Turn? {
        guard let first = blocks.first, (0..<period).contains(round) else { return nil }
        let block = blocks[own]
        if round < first.digits { return digit(round, of: block) }
        let exchanging = round - first.digits
        // The last block has nobody behind it.
        if exchanging < min(own + 1, blocks.count - 1) {
            let (inner, isBehind) = (blocks[exchanging], exchanging < own)
            let part = Double(inner.size) / Double(count - inner.start)
            if isBehind { return Turn(peer: inner.start + place - inner.end, part: part) }
            let other = inner.end + place - inner.start
            return other < count ? Turn(peer: other, part: part) : nil
        }
        return own < blocks.count - 1 ? digit(exchanging - own - 1, of: block) : nil
    }

    private func digit(_ number: Int, of block: Block) -> Turn? {
        guard number < block.digits else { return nil }
        return Turn(peer: block.start + ((place - block.start) ^ (1 << number)), part: 0.5)
    }
}

extension SwarmGraph {
    /// Each peer with those that it exchanges with by `BaseTwoTurns`: at most 2⌈log₂ count⌉ of them.
    package static func baseTwo(count: Int) -> SwarmGraph {
        let all = (0..<count).map { BaseTwoTurns(count: count, place: $0) }
        let edges = (0..<(all.first?.period ?? 0)).flatMap { round in
            all.indices.compactMap { place in all[place].turn(in: round).map { Edge(place, $0.peer) } }
        }
        return SwarmGraph(count: count, edges: edges)
    }
}
