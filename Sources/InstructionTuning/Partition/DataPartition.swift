/// Who holds which records, and which measure: the same in every process for the same records, names and seed.
package struct DataPartition: Sendable {
    /// One peer's records.
    package struct Part: Sendable, Hashable {
        /// The peer's name.
        package var name: String
        /// Its records, shuffled.
        package var records: [InstructionRecord]

        package init(name: String, records: [InstructionRecord]) {
            self.name = name
            self.records = records
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
