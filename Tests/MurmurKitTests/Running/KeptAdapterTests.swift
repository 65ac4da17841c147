import Adapters
import Foundation
import InstructionTuning
import LinearAlgebra
import MurmurKit
import Observability
import Recording
import Storage
import SwarmFile
import TestSupport
import Testing

/// When a peer keeps its own adapter, and what its run leaves then.
@Suite(.serialized) struct KeptAdapterTests {
    private static func losses(_ own: Double, _ common: Double, _ parts: [(String, Double, Double)]) -> ProbedLosses {
        ProbedLosses(
            records: 10, losses: [own, common],
            categories: parts.map { .init(name: $0.0, records: 5, losses: [$0.1, $0.2]) })
    }

    @Test func theCommonOneStaysUnlessItIsWorse() {
        let better = Self.losses(2, 1.5, [("a", 3, 1), ("b", 1, 2)])
        #expect(!KeptAdapter(.worse, better).keepsOwn && KeptAdapter(.worseInACategory, better).keepsOwn)
        #expect(!KeptAdapter(.never, better).keepsOwn)
        let found = KeptAdapter(.worse, better).worse
        #expect(found.map(\.category) == ["b"] && found[0].records == 5 && found[0].own == 1 && found[0].common == 2)
        let worse = Self.losses(1.5, 2, [("a", 1, 2)])
        #expect(KeptAdapter(.worse, worse).keepsOwn && !KeptAdapter(.never, worse).keepsOwn)
        let equal = Self.losses(2, 2, [("a", 2, 2)])
        #expect(!KeptAdapter(.worse, equal).keepsOwn && !KeptAdapter(.worseInACategory, equal).keepsOwn)
    }

    @Test(arguments: [Double.nan, .infinity]) func whatIsNoNumberIsWorse(loss: Double) {
        #expect(KeptAdapter(.worse, Self.losses(2, loss, [])).keepsOwn)
        #expect(!KeptAdapter(.worse, Self.losses(loss, 2, [])).keepsOwn)
        #expect(!KeptAdapter(.worse, Self.losses(loss, loss, [])).keepsOwn)
        #expect(KeptAdapter(.worse, Self.losses(2, loss, [])).common == nil)
    }

    @Test func theOwnAdapterIsInTheSnapshot() async throws {
        let schema = AdapterSchema(tensors: [.init(name: "toy", rows: 1, columns: 2)])
        func trainer(keepsOwn: Bool) -> ValidatingTrainer {
            let toy = QuadraticTrainer(target: AdapterDelta(schema: schema, values: [4, 4]), sampleCount: 10)
            return ValidatingTrainer(toy, Validator(records: 5, loss: { _ in 1 }), keepsOwn: keepsOwn) { _, _ in }
        }
        let first = trainer(keepsOwn: true)
        let before = try await first.snapshot()
        let request = TrainingRequest(round: 0, steps: 2, delta: AdapterDelta(zeroOf: schema))
        let outcome = try await first.train(request)
        #expect(first.ownAdapter == outcome.delta)
        let snapshot = try await first.snapshot()
        let second = trainer(keepsOwn: true)
        try await second.restore(snapshot)
        #expect(second.ownAdapter == outcome.delta)
        try await second.restore(before)
        #expect(second.ownAdapter == nil)
        // Whoever changes its mind goes on all the same.
        let other = trainer(keepsOwn: false)
        try await other.restore(snapshot)
        _ = try await other.train(request)
        #expect(other.ownAdapter == nil)
        try await second.restore(try await other.snapshot())
        #expect(second.ownAdapter == nil)
        for length in 40..<snapshot.count - 8 {
            let cut = Array(snapshot.prefix(length))
            await #expect(throws: (any Error).self, "\(length)") { try await trainer(keepsOwn: true).restore(cut) }
        }
    }

    @Test func aTrainerMeasuresBeforeItsStepsAndTrainsAsWithout() async throws {
        let schema = AdapterSchema(tensors: [.init(name: "toy", rows: 1, columns: 2)])
        let toy = QuadraticTrainer(target: AdapterDelta(schema: schema, values: [4, 4]), sampleCount: 10)
        let validator = Validator.byCategory(records: 3) { delta in
            let part = EvaluationSummary(records: 2, tokens: 5, loss: Double(delta.values[1]))
            return EvaluationSummary(
                records: 3, tokens: 9, loss: Double(delta.values[0]), categories: [.init(name: "a", summary: part)])
        }
        let trainer = ProbingTrainer(toy, validator)
        var request = TrainingRequest(round: 1, steps: 2, delta: AdapterDelta(zeroOf: schema))
        #expect(try await trainer.train(request).probed == nil)
        request.probes = [[1, 2], [3, 4]].map { AdapterDelta(schema: schema, values: $0) }
        let outcome = try await trainer.train(request)
        #expect(
            outcome.probed
                == ProbedLosses(
                    records: 3, losses: [1, 3], categories: [.init(name: "a", records: 2, losses: [2, 4])]))
        request.probes = []
        #expect(try await toy.train(request).delta == outcome.delta)
        let failing = ProbingTrainer(
            toy, Validator(records: 1, loss: { _ in throw TuningError.badSettings("the disk is gone") }))
        request.probes = [request.delta]
        let failed = try await failing.train(request)
        #expect(failed.probed == nil && failed.delta == outcome.delta)
    }

    /// Three real peers with the real engine: who gained from whom stands in every summary, and who asked for it keeps
    /// its own adapter where that is better.
    @Test(.timeLimit(.minutes(2))) func aSwarmTellsWhoGainedFromWhom() async throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder, peers: 3, firstPort: 24_780, rounds: 3)
        let text = try String(contentsOfFile: path, encoding: .utf8)
            .replacing("held-out: 1", with: "held-out: 1, validation: 2, keep-own: worse-in-a-category")
            .replacing("exchange: {", with: "exchange: { gain: 1, gain-records: 8,")
        try folder.write(text, to: "swarm.yaml")
        let run = try RunFolder.prepare(folder.path("run"), topologyPath: path, fresh: false)
        let swarm = SwarmComposition(run.topology)
        try await withThrowingTaskGroup(of: ExitStatus.self) { group in
            for name in swarm.names {
                var peer = PeerRun(
                    swarm: swarm, name: name, identityPath: run.identity(of: name).path, folder: run.peer(name))
                peer.output = nil
                peer.compute = ComputeChoices(threads: 1)
                group.addTask { [peer] in try await peer.run() }
            }
            for try await status in group { #expect(status == .success) }
        }
        let composition = try ModelComposition(run.topology)
        let partition = try ModelComposition.partition(run.topology)
        for name in swarm.names {
            let peer = run.peer(name)
            let summary = try JSONValue.parse(Array(try Data(contentsOf: peer.appendingPathComponent("summary.json"))))
            let gain = try #require(summary["gain"]?["peers"]?[name])
            #expect(gain["rounds"]?.int == 2 && gain["records"]?.int == 8)
            let others = swarm.names.filter { $0 != name }
            for other in others {
                #expect(gain["gain_from"]?[other]?.double != nil)
                #expect(summary["gain"]?["peers"]?[other]?["gain_mixed"]?.double != nil, "\(name) was told of \(other)")
            }
            #expect(gain["categories"]?.object.map { $0.keys.count > 1 } == true)
            let ledger = try LoggedEvent.read(peer.appendingPathComponent("outgoing.jsonl"))
            #expect(ledger.filter { $0.event == "gain_sent" }.count == 4)
            let text = try String(contentsOf: peer.appendingPathComponent("outgoing.jsonl"), encoding: .utf8)
            #expect(!text.contains("category"))

            let events = try LoggedEvent.read(run.events(of: name))
            let kept = try #require(events.last { $0.event == "adapter_kept" })
            let isTold: Bool? = kept.fields["keeps_own"]?.bool
            let keepsOwn: Bool = try #require(isTold as Bool?)
            #expect(summary["kept"]?["keeps_own"]?.bool == keepsOwn)
            #expect(keepsOwn == (summary["kept"]?["worse"]?.array?.isEmpty == false))
            let common = peer.appendingPathComponent("common")
            #expect(FileManager.default.fileExists(atPath: common.path) == keepsOwn)
            let part = try #require(partition.part(of: name))
            let evaluator = try composition.workbench.evaluator(
                records: part.validation, lane: .shared(for: 0), options: .init(generates: false))
            let adapter = try PEFTDirectory.read(peer.appendingPathComponent("adapter").path)
            let measured = try await evaluator.evaluate(adapter: adapter.values).loss
            let told = try #require(kept.number(keepsOwn ? "own_loss" : "common_loss"))
            #expect(abs(measured - told) < 1e-6 * told, "what lies there has the loss that is told")
        }
    }
}
