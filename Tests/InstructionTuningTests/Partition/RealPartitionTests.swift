import Foundation
import InstructionTuning
import TestSupport
import Testing

@Suite("Dolly dealt out", .enabled(if: SharedData.isPresent)) struct RealPartitionTests {
    private func dolly() throws -> [InstructionRecord] {
        let folder = try #require(SharedData.folder)
        return try InstructionDataset.read(
            path: folder.appendingPathComponent("dolly-15k/databricks-dolly-15k.jsonl").path
        ).records
    }

    @Test("Two shards a peer give the sizes of a real split by Shepherd's rule")
    func shards() throws {
        let names = (0..<10).map { "peer-\($0)" }
        let partition = try DataPartition.deal(
            dolly(), to: names, scheme: .shards(), heldOutPerCategory: 10, seed: 42)
        #expect(partition.heldOut.count == 80)
        let report = partition.report
        #expect(report.heldOut.counts == [Int](repeating: 10, count: 8))
        #expect(report.peers.reduce(0) { $0 + $1.records } == 14_931)
        // The real split's ten parts have 1492 to 1494 records each.
        #expect(report.peers.allSatisfy { (1492...1494).contains($0.records) })
        // Two shards touch at most two categories each.
        #expect(report.peers.allSatisfy { row in row.counts.count { $0 > 0 } <= 4 })
        #expect(report.peers.allSatisfy { row in row.counts.count { $0 > 0 } >= 1 })
    }

    @Test("Dirichlet 0.5 with at least 40 records each, as Shepherd's second rule")
    func dirichlet() throws {
        let records = try dolly()
        for peers in [10, 100] {
            let names = (0..<peers).map { "peer-\($0)" }
            let partition = try DataPartition.deal(
                records, to: names, scheme: .dirichlet(alpha: 0.5, minimum: 40), heldOutPerCategory: 10, seed: 42)
            #expect(partition.peers.allSatisfy { $0.records.count >= 40 })
            #expect(partition.pooled.count == 14_931)
        }
    }
}
