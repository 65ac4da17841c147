import Basics

extension DataPartition {
    /// Deals the records of one source out to `names`, after `heldOutPerCategory` of each category are taken out.
    ///
    /// Every process that calls this with the same arguments gets the same partition: a peer of a swarm deals to all and
    /// keeps its own part.
    package static func deal(
        _ records: [InstructionRecord], to names: [String], scheme: PartitionScheme, heldOutPerCategory: Int,
        seed: UInt64
    ) throws(PartitionError) -> DataPartition {
        let split = HeldOutSplit(records: records, perCategory: heldOutPerCategory, seed: seed)
        let places = try places(of: records, at: split.training, to: names, scheme: scheme, seed: seed)
        let peers = zip(names, places).map { name, places in
            Part(name: name, records: places.map { records[$0] })
        }
        return try DataPartition(peers: peers, heldOut: split.heldOut.map { records[$0] })
    }

    /// A swarm whose peers each bring records of their own, as `data:` on each peer names them.
    ///
    /// The held-out records are taken from every peer's records by themselves, seeded by the peer's name: a peer that
    /// sees no other's file takes the same ones.
    package static func files(
        _ files: [Part], heldOutPerCategory: Int, seed: UInt64
    ) throws(PartitionError) -> DataPartition {
        var heldOut: [InstructionRecord] = []
        var peers: [Part] = []
        for file in files {
            let split = HeldOutSplit(
                records: file.records, perCategory: heldOutPerCategory, seed: seed, label: "held-out/\(file.name)")
            heldOut.append(contentsOf: split.heldOut.map { file.records[$0] })
            peers.append(Part(name: file.name, records: split.training.map { file.records[$0] }))
        }
        return try DataPartition(peers: peers, heldOut: heldOut)
    }

    /// Which of the records at `places` each peer holds: a disjoint cover of them, each part shuffled.
    package static func places(
        of records: [InstructionRecord], at places: [Int], to names: [String], scheme: PartitionScheme, seed: UInt64
    ) throws(PartitionError) -> [[Int]] {
        guard !names.isEmpty else { throw .noPeers }
        try check(names: names)
        guard places.count >= names.count else {
            throw .emptyPeer(name: names[places.count], records: places.count, peers: names.count)
        }
        var generator = SeededGenerator(seed: seed, label: "partition")
        let groups = CategoryGroups.of(records, at: places)
        var parts: [[Int]]
        switch scheme {
        case .iid:
            parts = cut(places.shuffled(using: &generator), into: names.count)
        case .category:
            parts = byCategory(groups, peers: names.count, using: &generator)
        case .shards(let perPeer):
            guard perPeer > 0 else { throw .badSetting("a peer gets one shard at least, not \(perPeer)") }
            parts = shards(groups, peers: names.count, perPeer: perPeer, using: &generator)
        case .dirichlet(let alpha, let minimum):
            parts = try dirichlet(groups, names: names, alpha: alpha, minimum: minimum, using: &generator)
        case .quantity(let alpha, let minimum):
            let shuffled = places.shuffled(using: &generator)
            parts = try quantity(shuffled, names: names, alpha: alpha, minimum: minimum, using: &generator)
        }
        // Groups leave a peer's records sorted by category; batches are drawn from shuffled epochs in any case.
        for peer in parts.indices { parts[peer].shuffle(using: &generator) }
        if let empty = parts.firstIndex(where: \.isEmpty) {
            throw .emptyPeer(name: names[empty], records: places.count, peers: names.count)
        }
        return parts
    }

    /// `list` in `count` consecutive parts whose lengths differ by one at most, the longer first.
    static func cut(_ list: [Int], into count: Int) -> [[Int]] {
        let (length, longer) = list.count.quotientAndRemainder(dividingBy: count)
        var start = 0
        return (0..<count).map { part in
            let end = start + length + (part < longer ? 1 : 0)
            defer { start = end }
            return Array(list[start..<end])
        }
    }
}
