import Foundation
import InstructionTuning
import LanguageModel
import LinearAlgebra
import TestSupport
import Testing

@Suite("Evaluator") struct EvaluatorTests {
    private let lane = ComputeLane()

    @Test("The loss is the mean over response tokens, whatever is trained on")
    func loss() async throws {
        var rig = TuningRig()
        let records = TuningRig.records(20)
        let bench = try rig.workbench()
        let summary = try await bench.evaluator(records: records, lane: lane, options: .init(generates: false))
            .evaluate(adapter: bench.origin.values)
        let encoded = EncodedRecords(records, with: bench.encoder)
        let losses = try TrainingEngine(model: TuningRig.model, lora: nil).evaluate(sequences: encoded.sequences)
        let sum = losses.reduce(0) { $0 + $1.lossSum }
        let tokens = losses.reduce(0) { $0 + $1.tokenCount }
        #expect(summary.records == 20 && summary.tokens == tokens && tokens == encoded.report.responseTokens)
        #expect(abs(summary.loss - sum / Double(tokens)) < 1e-5)
        #expect(summary.rougeL == nil && summary.exactMatch == nil)
        #expect(summary.categories.map(\.name) == ["a", "b"])
        rig.settings.trainOnInputs = true
        let inputs = try rig.workbench()
        let same = try await inputs.evaluator(records: records, lane: lane, options: .init(generates: false))
            .evaluate(adapter: bench.origin.values)
        #expect(same == summary)
    }

    @Test("A tuned adapter gives the expected answers, and is scored for it")
    func generation() async throws {
        var rig = TuningRig()
        rig.settings.rounds = 30
        rig.settings.learningRate = 1e-2
        let bench = try rig.workbench()
        let records = TuningRig.records(6)
        let tuner = try bench.tuner(peer: "a", records: records, lane: lane)
        let run = try await LocalTuning.run(tuner, rounds: 30, localSteps: 5)
        let evaluator = try bench.evaluator(records: records, lane: lane, options: .init(maximumTokens: 8))
        let before = try await evaluator.evaluate(adapter: bench.origin.values)
        let after = try await evaluator.evaluate(adapter: bench.origin.adapter(of: run.delta))
        #expect(before.exactMatch == 0)
        let exact = try #require(after.exactMatch)
        let rouge = try #require(after.rougeL)
        #expect(exact >= 0.5 && rouge >= exact, "\(after)")
    }

    @Test("Answers can be generated for some records only, evenly chosen")
    func sample() async throws {
        let bench = try TuningRig().workbench()
        let evaluator = try bench.evaluator(
            records: TuningRig.records(20), lane: lane, options: .init(maximumTokens: 2, generatedRecords: 5))
        let scores = try await evaluator.scores(adapter: bench.origin.values)
        #expect(scores.enumerated().filter { $0.element.isExact != nil }.map(\.offset) == [3, 7, 11, 15, 19])
    }

    @Test("Adapters of another length and lists without usable records are refused")
    func refused() async throws {
        let bench = try TuningRig().workbench()
        let evaluator = try bench.evaluator(records: TuningRig.records(2), lane: lane)
        await #expect(throws: EngineError.self) { _ = try await evaluator.evaluate(adapter: [1]) }
        #expect(throws: RecordsError.self) { _ = try bench.evaluator(records: [], lane: lane) }
    }

    @Test(
        "Records, masks and loss of a real model on real instructions are those of transformers",
        .enabled(if: SharedData.isPresent))
    func realModel() async throws {
        let folder = try #require(SharedData.folder)
        let directory = folder.appendingPathComponent("models/stories260K/hf").path
        let records = try InstructionDataset.read(
            path: folder.appendingPathComponent("dolly-15k/databricks-dolly-15k.jsonl").path
        ).records.prefix(80)
        let tokenizer = try Tokenizer.load(directory: directory)
        let encoder = RecordEncoder(template: .alpaca, encoder: tokenizer, cutoff: 512)
        let evaluator = try Evaluator(
            records: Array(records), model: try BaseModel.load(directory: directory), lora: nil, encoder: encoder,
            lane: lane, options: .init(generates: false))
        let summary = try await evaluator.evaluate()
        // Computed with transformers 5.23 and tokenizers by Shepherd's rule, log-softmax in double precision.
        #expect(summary.records == 51 && evaluator.report.withoutResponse == 29)
        #expect(summary.tokens == 8_689)
        #expect(abs(summary.loss - 4.165_233_245) < 1e-4, "\(summary.loss)")
        #expect(summary.categories.map(\.summary.records) == [10, 10, 1, 10, 10, 10])
    }
}
