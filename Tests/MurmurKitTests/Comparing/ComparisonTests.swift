import Adapters
import Foundation
import InstructionTuning
import MurmurKit
import Observability
import TestSupport
import Testing

@Suite struct ComparisonTests {
    static func summary(_ loss: Double) -> EvaluationSummary {
        EvaluationSummary(records: 10, tokens: 50, loss: loss, rougeL: 0.5, exactMatch: 0.25)
    }

    static func result() throws -> SwarmComparison {
        let folder = try TemporaryFolder()
        return SwarmComparison(
            topology: try SwarmComposition.load(try SmallTopology.write(in: folder)).topology,
            progress: SwarmProgress(names: ["peer-0", "peer-1"], rounds: 2), base: summary(4), centralized: summary(1),
            fedavg: summary(1), alone: [summary(2.5), summary(3.5)], gossip: [summary(1.4), summary(1.6)],
            consensusDistance: 1e-3)
    }

    @Test func gossipsShareOfTheWay() throws {
        let result = try Self.result()
        #expect(result.shareOfTheWay.map { abs($0 - 0.75) < 1e-12 } == true)
        #expect(
            result.table.rows.map { $0[0] } == [
                "base model", "peer-0 alone", "peer-1 alone", "alone, mean", "peer-0 by gossip", "peer-1 by gossip",
                "gossip, mean", "FedAvg server", "pooled data",
            ])
        #expect(result.notes.count == 2 && result.notes[1].contains("75"))
        #expect(result.text(folder: "run").contains("run/report.html"))
    }

    @Test func figuresHaveTheirNames() throws {
        let result = try Self.result()
        let object = try #require(
            try JSONSerialization.jsonObject(with: Data(JSONText.of(result.json).utf8)) as? [String: Any])
        #expect(
            Set(object.keys) == [
                "swarm", "base", "local", "gossip", "fedavg", "centralized", "communication", "share_of_the_way",
            ])
        let local = try #require(object["local"] as? [String: Any])
        #expect((local["mean"] as? [String: Any])?["loss"] as? Double == 3)
        #expect((local["peers"] as? [String: Any])?.count == 2)
    }

    @Test func theAlternativesAreTunedAndMeasured() async throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder, rounds: 1)
        let run = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: false)
        let composition = try ModelComposition(run.topology)
        let zero = composition.adapter(of: AdapterDelta(zeroOf: composition.workbench.origin.schema))
        for name in ["peer-0", "peer-1"] { try PEFTDirectory.write(zero, to: run.adapter(of: name).path) }
        var comparison = Comparison(folder: run)
        comparison.answerTokens = 0
        comparison.isQuiet = true
        let result = try await comparison.run()
        #expect(result.consensusDistance == 0)
        #expect(result.gossip.allSatisfy { abs($0.loss - result.base.loss) < 1e-6 })
        #expect(result.alone.count == 2 && result.fedavg.loss != result.base.loss)
        try run.write(result)
        #expect(FileManager.default.fileExists(atPath: run.summary.path))
        #expect(try String(contentsOf: run.report, encoding: .utf8).contains("pooled data"))
        // Measured on single records, so there are intervals: of what is the same adapter, all of nothing.
        let evidence = try #require(result.evidence)
        #expect(evidence.records.count == result.base.records && evidence.server.losses.count == 1)
        let outcome = result.outcome
        #expect(outcome.base.interval?.contains(result.base.loss) == true)
        #expect(outcome.together.interval == outcome.base.interval)
        #expect(JSONText.of(result.json).contains("gossip_minus_fedavg"))
        #expect(evidence.samples(peer: 0).isEmpty, "no answers were generated")
    }

    /// What the page says without the scores of single records: no intervals, and that there are none.
    @Test func summariesAloneHaveNoIntervals() throws {
        let result = try Self.result()
        let outcome = result.outcome
        #expect(outcome.gain.value == 1.5 && outcome.gain.interval == nil)
        #expect(outcome.peers.map(\.name) == ["peer-0", "peer-1"] && outcome.gained.count == 2)
        #expect(
            result.shortTable.rows.map { $0[0] } == [
                "base model", "alone, mean of 2", "alone, best peer", "alone, worst peer", "gossip, mean of 2",
                "gossip, best peer", "gossip, worst peer", "FedAvg server", "pooled data",
            ])
        #expect(result.gains.columns == ["all"] && result.gains.rows.count == 2)
    }
}
