import Basics
import InstructionTuning
import TestSupport
import Testing

@Suite("Data partition") struct DataPartitionTests {
    /// `sizes` records of categories a, b, c…, mixed.
    static func records(_ sizes: [Int]) -> [InstructionRecord] {
        var records: [InstructionRecord] = []
        for (kind, size) in sizes.enumerated() {
            for index in 0..<size {
                let name = String(UnicodeScalar(UInt8(97 + kind)))
                records.append(InstructionRecord(instruction: "\(name)\(index)", response: "r", category: name))
            }
        }
        var generator = SeededGenerator(seed: 99)
        return records.shuffled(using: &generator)
    }

    static func names(_ count: Int) -> [String] { (0..<count).map { "peer-\($0)" } }

    /// Each peer measures itself by records of its own, without moving any other record.
    @Test(arguments: [PartitionScheme.iid, .category, .dirichlet(alpha: 0.5)], [1, 3])
    func validationPartsAreThePeersOwn(scheme: PartitionScheme, perCategory: Int) throws {
        let records = Self.records([40, 30, 20, 3])
        func deal(_ validation: Int, seed: UInt64 = 5) throws -> DataPartition {
            try DataPartition.deal(
                records, to: Self.names(3), scheme: scheme, heldOutPerCategory: 2, validationPerCategory: validation,
                seed: seed)
        }
        let (without, with) = (try deal(0), try deal(perCategory))
        #expect(try deal(perCategory).peers == with.peers && with.heldOut == without.heldOut)
        for (plain, part) in zip(without.peers, with.peers) {
            #expect(plain.validation.isEmpty)
            // What is trained on stays in its order.
            let left = Set(part.validation)
            #expect(part.records == plain.records.filter { !left.contains($0) })
            #expect(Set(part.records + part.validation) == Set(plain.records))
            var counts: [String: (all: Int, validation: Int)] = [:]
            for record in plain.records { counts[record.category, default: (0, 0)].all += 1 }
            for record in part.validation { counts[record.category, default: (0, 0)].validation += 1 }
            for count in counts.values { #expect(count.validation == min(perCategory, count.all / 2)) }
        }
        #expect(with.report.peers.map(\.validation) == with.peers.map(\.validation.count))
        #expect(with.report.table.contains("validation") && !without.report.table.contains("validation"))
        let files = try DataPartition.files(
            [.init(name: "a", records: records)], heldOutPerCategory: 2, validationPerCategory: perCategory, seed: 5)
        let part = files.peers[0]
        #expect(!part.validation.isEmpty && Set(part.validation).isDisjoint(with: part.records + files.heldOut))
        // Another peer with the same records measures itself by others.
        let other = DataPartition.Part(name: "b", records: records).holdingBack(perCategory: perCategory, seed: 5)
        let own = DataPartition.Part(name: "a", records: records).holdingBack(perCategory: perCategory, seed: 5)
        #expect(other.validation != own.validation)
    }

    static let schemes: [PartitionScheme] = [
        .iid, .category, .shards(), .shards(perPeer: 3), .dirichlet(alpha: 0.5, minimum: 5),
        .dirichlet(alpha: 0.05), .dirichlet(alpha: 100, minimum: 10), .quantity(alpha: 1, minimum: 4),
    ]

    @Test("Parts are a disjoint cover of what is not held out, the same every time", arguments: schemes, [1, 3, 8, 13])
    func cover(scheme: PartitionScheme, peers: Int) throws {
        let records = Self.records([60, 50, 40, 30, 20])
        for seed in UInt64(0)..<25 {
            func deal() throws -> DataPartition {
                try DataPartition.deal(
                    records, to: Self.names(peers), scheme: scheme, heldOutPerCategory: 4, seed: seed)
            }
            let partition = try deal()
            let dealt = partition.peers.flatMap { $0.records.map(\.instruction) }
            let heldOut = partition.heldOut.map(\.instruction)
            #expect(dealt.count == 180 && Set(dealt).count == 180)
            #expect(heldOut.count == 20)
            #expect(Set(dealt).union(heldOut).count == 200)
            #expect(partition.peers.map(\.name) == Self.names(peers))
            let minimum = scheme.minimum
            #expect(partition.peers.allSatisfy { $0.records.count >= minimum })
            let again = try deal()
            #expect(again.peers == partition.peers && again.heldOut == partition.heldOut)
        }
    }

    @Test("Seeds differ, and the first result is pinned, so that every process and version deals alike")
    func pinned() throws {
        let records = Self.records([6, 5, 4])
        let one = try DataPartition.deal(records, to: ["x", "y"], scheme: .iid, heldOutPerCategory: 1, seed: 1)
        let two = try DataPartition.deal(records, to: ["x", "y"], scheme: .iid, heldOutPerCategory: 1, seed: 2)
        #expect(one.peers != two.peers)
        #expect(one.part(of: "y")?.records == one.peers[1].records)
        #expect(one.part(of: "z") == nil)
        #expect(one.pooled.count == 12)
    }

    @Test("Equal parts differ by one record at most")
    func iid() throws {
        for peers in 1...20 {
            let sizes = try DataPartition.deal(
                Self.records([50, 57]), to: Self.names(peers), scheme: .iid, heldOutPerCategory: 0, seed: 3
            ).peers.map(\.records.count)
            #expect((sizes.max() ?? 0) - (sizes.min() ?? 0) <= 1)
        }
    }

    @Test("By category, a category has one peer, or a peer one category")
    func byCategory() throws {
        func kinds(_ peers: Int) throws -> [Set<String>] {
            try DataPartition.deal(
                Self.records([40, 30, 20, 10]), to: Self.names(peers), scheme: .category, heldOutPerCategory: 0, seed: 1
            ).peers.map { Set($0.records.map(\.category)) }
        }
        #expect(try kinds(2) == [["a", "d"], ["b", "c"]])
        #expect(try kinds(4) == [["a"], ["b"], ["c"], ["d"]])
        let seven = try kinds(7)
        #expect(seven.allSatisfy { $0.count == 1 })
        #expect(Set(seven.flatMap { $0 }) == ["a", "b", "c", "d"])
    }

    @Test("Shards give a peer few categories, in equal numbers")
    func shards() throws {
        let partition = try DataPartition.deal(
            Self.records([100, 100, 100, 100]), to: Self.names(8), scheme: .shards(), heldOutPerCategory: 0, seed: 5)
        #expect(partition.peers.allSatisfy { $0.records.count == 50 })
        #expect(partition.peers.allSatisfy { Set($0.records.map(\.category)).count <= 2 })
    }

    @Test("A small alpha is less equal than a large one")
    func heterogeneity() throws {
        func spread(_ alpha: Double) throws -> Double {
            var total = 0.0
            for seed in UInt64(0)..<20 {
                let report = try DataPartition.deal(
                    Self.records([200, 200, 200]), to: Self.names(6), scheme: .dirichlet(alpha: alpha),
                    heldOutPerCategory: 0, seed: seed
                ).report
                for row in report.peers {
                    total += Double(row.counts.max() ?? 0) / Double(row.records)
                }
            }
            return total / 120
        }
        let (small, middle, large) = try (spread(0.1), spread(1), spread(100))
        #expect(small > middle && middle > large)
        #expect(large < 0.45)
    }

    @Test("Held-out records are so many of each category, and half of it at most")
    func heldOut() {
        let records = Self.records([20, 9, 1])
        let split = HeldOutSplit(records: records, perCategory: 6, seed: 1)
        let counts = split.heldOut.reduce(into: [String: Int]()) { $0[records[$1].category, default: 0] += 1 }
        #expect(counts == ["a": 6, "b": 4])
        #expect(Set(split.heldOut).isDisjoint(with: split.training))
        #expect(split.heldOut.count + split.training.count == 30)
        #expect(HeldOutSplit(records: records, perCategory: 0, seed: 1).heldOut.isEmpty)
        #expect(HeldOutSplit(records: records, perCategory: 6, seed: 2) != split)
    }

    @Test("With a file a peer, a peer alone holds out what the whole swarm holds out of its file")
    func files() throws {
        let mine = DataPartition.Part(name: "x", records: Self.records([20, 20]))
        let others = DataPartition.Part(name: "y", records: Self.records([0, 0, 12]))
        let alone = try DataPartition.files([mine], heldOutPerCategory: 3, seed: 4)
        let swarm = try DataPartition.files([others, mine], heldOutPerCategory: 3, seed: 4)
        #expect(swarm.part(of: "x") == alone.part(of: "x"))
        #expect(Array(swarm.heldOut.suffix(6)) == alone.heldOut)
        #expect(swarm.peers.map(\.records.count) == [9, 34])
    }
}

extension PartitionScheme {
    /// The least number of records that a peer gets.
    fileprivate var minimum: Int {
        switch self {
        case .dirichlet(_, let minimum), .quantity(_, let minimum): minimum
        default: 1
        }
    }
}
