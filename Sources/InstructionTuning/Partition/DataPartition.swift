/// Who holds which records, and which measure: the same in every process for the same records, names and seed.
package struct DataPartition: Sendable {
    /// One peer's records.
    package struct Part: Sendable, Hashable {
        package var name: String
        /// The records that it trains on, shuffled.
        package var records: [InstructionRecord]
        /// Its own records that it does not train on: it measures itself by them.
        package var validation: [InstructionRecord]

        package init(name: String, records: [InstructionRecord], validation: [InstructionRecord] = []) {
            self.name = name
            self.records = records
            self.validation = validation
        }

        /// What its validation part is called where something is wrong with it.
        package var validationName: String { "\(name)'s validation part" }

        /// The part with its validation part taken out: `perCategory` random records of every category, at most half of
        /// each. It follows from the records, the seed and the peer's name alone.
        package func holdingBack(perCategory: Int, seed: UInt64) -> Part {
            guard perCategory > 0 else { return self }
            let split = HeldOutSplit(
                records: records, perCategory: perCategory, seed: seed, label: "validation/\(name)")
            return Part(
                name: name, records: split.training.map { records[$0] },
                validation: validation + split.heldOut.map { records[$0] })
        }
    }

    /// The peers in the order they were named.
    package let peers: [Part]
    /// The records that no peer trains on.
    package let heldOut: [InstructionRecord]

    /// A partition of given parts. Throws `PartitionError` for a part without records, naming the peer.
    package init(peers: [Part], heldOut: [InstructionRecord]) throws(PartitionError) {
        guard !peers.isEmpty else { throw .noPeers }
        try Self.check(names: peers.map(\.name))
        if let empty = peers.first(where: \.records.isEmpty) {
            let count = peers.reduce(0) { $0 + $1.records.count }
            throw .emptyPeer(name: empty.name, records: count, peers: peers.count)
        }
        self.peers = peers
        self.heldOut = heldOut
    }

    /// The part of the peer called `name`.
    package func part(of name: String) -> Part? { peers.first { $0.name == name } }

    /// All records that peers train on, peer after peer: the pooled data of a baseline.
    package var pooled: [InstructionRecord] { peers.flatMap(\.records) }

    /// Who holds how much of what.
    package var report: PartitionReport { PartitionReport(self) }

    static func check(names: [String]) throws(PartitionError) {
        var seen: Set<String> = []
        for name in names where !seen.insert(name).inserted { throw .duplicatePeer(name) }
    }
}

/// How the records of one source are dealt out to the peers of a swarm.
package enum PartitionScheme: Sendable, Hashable {
    /// At random, in equal numbers (they differ by one at most).
    case iid
    /// Each category to one peer, the largest first to whoever has least; with more peers than categories, the peers of
    /// one category share it.
    case category
    /// The records sorted by category and cut into `perPeer` equal shards a peer, dealt out at random (McMahan et al.,
    /// 2017, with labels; Shepherd with categories and two shards).
    case shards(perPeer: Int = 2)
    /// Every category split in proportions drawn from a symmetric Dirichlet distribution; smaller `alpha`, more unequal.
    /// A peer that has its equal share already gets nothing of a category (as in Shepherd), and the draw is repeated until
    /// every peer holds `minimum` records.
    case dirichlet(alpha: Double, minimum: Int = 1)
    /// Shuffled records in unequal numbers drawn from a symmetric Dirichlet distribution, at least `minimum` each.
    case quantity(alpha: Double, minimum: Int = 1)
}

/// Why records cannot be dealt out as asked.
package enum PartitionError: Error, Equatable, CustomStringConvertible {
    /// There is no peer to deal to.
    case noPeers
    /// Two peers have one name, and one would take the other's records.
    case duplicatePeer(String)
    /// A peer would hold no record.
    case emptyPeer(name: String, records: Int, peers: Int)
    /// There are fewer records than the minimum asks for.
    case minimumTooLarge(minimum: Int, peers: Int, records: Int)
    /// The minimum was not met in the allowed number of draws.
    case minimumNotReached(minimum: Int, draws: Int, best: Int, peer: String)
    /// A setting is outside what makes sense.
    case badSetting(String)

    package var description: String {
        switch self {
        case .noPeers: "there is no peer to deal records to"
        case .duplicatePeer(let name): "two peers are called \(name); names must differ"
        case .emptyPeer(let name, let records, let peers):
            "peer \(name) would hold no record (\(records) records, \(peers) peers): give more records, hold out fewer, or take fewer peers"
        case .minimumTooLarge(let minimum, let peers, let records):
            "\(peers) peers cannot hold \(minimum) records each of \(records): lower the minimum or take fewer peers"
        case .minimumNotReached(let minimum, let draws, let best, let peer):
            "after \(draws) draws a peer (\(peer)) still holds fewer than \(minimum) records, \(best) at best: raise alpha or lower the minimum"
        case .badSetting(let reason): reason
        }
    }
}
