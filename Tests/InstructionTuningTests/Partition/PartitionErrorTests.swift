import InstructionTuning
import Storage
import TestSupport
import Testing

@Suite("Data partitions that cannot be") struct PartitionErrorTests {
    private func deal(
        _ sizes: [Int], _ names: [String], _ scheme: PartitionScheme, heldOut: Int = 0
    ) throws -> DataPartition {
        try DataPartition.deal(
            DataPartitionTests.records(sizes), to: names, scheme: scheme, heldOutPerCategory: heldOut, seed: 1)
    }

    @Test("A peer without records is named")
    func empty() {
        #expect(throws: PartitionError.emptyPeer(name: "c", records: 2, peers: 3)) {
            _ = try deal([2], ["a", "b", "c"], .iid)
        }
        #expect(throws: PartitionError.emptyPeer(name: "b", records: 1, peers: 2)) {
            _ = try DataPartition.files(
                [
                    .init(name: "a", records: DataPartitionTests.records([1])), .init(name: "b", records: []),
                ], heldOutPerCategory: 1, seed: 1)
        }
    }

    @Test("A minimum that cannot be met is an error, at once or after so many draws")
    func minimum() throws {
        let impossible = #expect(throws: PartitionError.self) {
            _ = try deal([50], ["a", "b", "c"], .dirichlet(alpha: 1, minimum: 17))
        }
        #expect(impossible == .minimumTooLarge(minimum: 17, peers: 3, records: 50))
        let unlikely = #expect(throws: PartitionError.self) {
            _ = try deal([30, 30], ["a", "b", "c", "d", "e", "f"], .dirichlet(alpha: 0.001, minimum: 10))
        }
        guard case .minimumNotReached(10, _, _, _) = unlikely else {
            Issue.record("not the error of too many draws: \(String(describing: unlikely))")
            return
        }
        #expect("\(try #require(unlikely))".contains("raise alpha or lower the minimum"))
        #expect(throws: PartitionError.self) { _ = try deal([50], ["a", "b"], .quantity(alpha: 0.001, minimum: 25)) }
    }

    @Test("Settings and names are checked")
    func settings() {
        #expect(throws: PartitionError.noPeers) { _ = try deal([5], [], .iid) }
        #expect(throws: PartitionError.duplicatePeer("a")) { _ = try deal([5], ["a", "a"], .iid) }
        for alpha in [0, -1, Double.nan, .infinity] {
            #expect(throws: PartitionError.self) { _ = try deal([5], ["a"], .dirichlet(alpha: alpha)) }
        }
        #expect(throws: PartitionError.self) { _ = try deal([5], ["a"], .shards(perPeer: 0)) }
        #expect(throws: PartitionError.self) { _ = try deal([5], ["a"], .quantity(alpha: 1, minimum: -1)) }
    }

    @Test("The report counts by peer and category, as table and as JSON")
    func report() throws {
        let report = try deal([6, 4], ["a", "long-name"], .category, heldOut: 1).report
        #expect(report.categories == ["a", "b"])
        #expect(report.peers.map(\.counts) == [[5, 0], [0, 3]])
        #expect(report.heldOut.counts == [1, 1])
        #expect(
            report.table == """
                peer       records  a  b
                a                5  5  ·
                long-name        3  ·  3
                held-out         2  1  1
                """)
        let json = String(decoding: report.json.encoded(), as: UTF8.self)
        #expect(
            json == #"{"peers":[{"name":"a","records":5,"categories":{"a":5,"b":0}},"#
                + #"{"name":"long-name","records":3,"categories":{"a":0,"b":3}}],"#
                + #""held_out":{"records":2,"categories":{"a":1,"b":1}}}"#)
    }
}
