import Basics

extension DataPartition {
    /// Deals the records of one source out to `names`, after `heldOutPerCategory` of each category are taken out. Of what
    /// each peer has then, `validationPerCategory` of each category are its validation part.
    ///
    /// Every process that calls this with the same arguments gets the same partition: a peer of a swarm deals to all and
    /// keeps its own part.
    package static func deal(
        _ records: [InstructionRecord], to names: [String], scheme: PartitionScheme, heldOutPerCategory: Int,
        validationPerCategory: Int = 0, seed: UInt64
    ) throws(PartitionError) -> DataPartition {
        let split = HeldOutSplit(records: records, perCategory: heldOutPerCategory, seed: seed)
        let places = try places(of: records, at: split.training, to: names, scheme: scheme, seed: seed)
        let peers = zip(names, places).map { name, places in
            Part(name: name, records: places.map { records[$0] })
                .holdingBack(perCategory: validationPerCategory, seed: seed)
        }
        return try DataPartition(peers: peers, heldOut: split.heldOut.map { records[$0] })
    }

    /// A swarm whose peers each bring records of their own, as `data:` on each peer names them.
    ///
    /// The held-out records are taken from every peer's records by themselves, seeded by the peer's name: a peer that
    /// sees no other's file takes the same ones.
    package static func files(
        _ files: [Part], heldOutPerCategory: Int, validationPerCategory: Int = 0, seed: UInt64
    ) throws(PartitionError) -> DataPartition {
        var heldOut: [InstructionRecord] = []
        var peers: [Part] = []
        for file in files {
            let split = HeldOutSplit(
                records: file.records, perCategory: heldOutPerCategory, seed: seed, label: "held-out/\(file.name)")
            heldOut.append(contentsOf: split.heldOut.map { file.records[$0] })
            let part = Part(name: file.name, records: split.training.map { file.records[$0] })
            peers.append(part.holdingBack(perCategory: validationPerCategory, seed: seed))
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
        // One generator through all schemes and shuffles, in this order: every process deals alike.
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

/// The records that no peer trains on, apart from those to deal out; both as places in the list of records.
package struct HeldOutSplit: Sendable, Equatable {
    /// The places of the records to train on, ascending.
    package let training: [Int]
    /// The places of the records that measure: category after category by name, each category's ascending.
    package let heldOut: [Int]

    /// Takes `perCategory` random records of every category out, but never more than half of a category (rounded down),
    /// so that every category stays in training.
    package init(records: [InstructionRecord], perCategory: Int, seed: UInt64, label: String = "held-out") {
        precondition(perCategory >= 0, "a number of held-out records is not negative")
        var generator = SeededGenerator(seed: seed, label: label)
        var isHeldOut = [Bool](repeating: false, count: records.count)
        var heldOut: [Int] = []
        for (_, places) in CategoryGroups.of(records, at: Array(records.indices)) {
            let chosen = places.shuffled(using: &generator).prefix(min(perCategory, places.count / 2)).sorted()
            for place in chosen { isHeldOut[place] = true }
            heldOut.append(contentsOf: chosen)
        }
        self.heldOut = heldOut
        training = records.indices.filter { !isHeldOut[$0] }
    }
}

/// Records by category.
enum CategoryGroups {
    /// The places among `places` of each category's records, in the order given; categories by the bytes of their names.
    static func of(_ records: [InstructionRecord], at places: [Int]) -> [(category: String, places: [Int])] {
        var groups: [String: [Int]] = [:]
        for place in places { groups[records[place].category, default: []].append(place) }
        return groups.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
            .map { (category: $0.key, places: $0.value) }
    }
}
