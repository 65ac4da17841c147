import Adapters
import Foundation
import InstructionTuning
import MurmurKit
import SwarmFile
import TestSupport
import Testing

@Suite struct TuneRunTests {
    static func run(
        _ folder: String, steps: Int, resumption: ResumeChoice = .refuse, seed: UInt64? = nil,
        change: (inout SwarmTopology) -> Void = { _ in }
    ) async throws {
        let file = try TemporaryFolder()
        var topology = try SwarmComposition.load(try SmallTopology.write(in: file)).topology
        change(&topology)
        var dealt = topology
        if let seed { dealt.swarm.seed = seed }
        let records = try ModelComposition.records("builtin:chores", dealt)
        let run = try TuneRun(
            topology, records: records, compute: ComputeChoices(threads: 1), folder: folder, steps: steps, saveEvery: 2,
            resumption: resumption, json: true)
        #expect(try await run.run() == .success)
    }

    @Test func theAdapterSaysHowItCameAboutAndNamesNoPath() async throws {
        let folder = try TemporaryFolder()
        try await Self.run(folder.path("named"), steps: 2) { $0.model.source = ModelSource("org/model@v1") }
        let named = try PEFTDirectory.read(folder.path("named"))
        #expect(named.baseModel == "org/model" && named.revision == "v1")
        let card = try String(contentsOfFile: folder.path("named/README.md"), encoding: .utf8)
        for text in [
            "base_model: \"org/model\"", "library_name: peft", "| Steps | 2 of 2 |", "| Records |", "BLAKE2b-256",
            "training loss",
        ] {
            #expect(card.contains(text), "\(text)")
        }
        let model = folder.path("a-model")
        try FileManager.default.copyItem(atPath: ModelComposition.modelDirectory("builtin:fledgling"), toPath: model)
        try await Self.run(folder.path("unnamed"), steps: 2) { $0.model.base = model }
        #expect(try PEFTDirectory.read(folder.path("unnamed")).baseModel == "a-model")
        for file in ["README.md", "adapter_config.json"] {
            let text = try String(contentsOfFile: folder.path("unnamed/\(file)"), encoding: .utf8)
            #expect(!text.contains(folder.url.path) && text.contains("a-model"), "\(file)")
        }
    }

    /// With a learning rate that is far too high no adapter is better than none: the run ends when its patience does, and
    /// again at once; with more patience it goes on.
    @Test func patienceEndsARunThatFindsNothingBetter() async throws {
        let folder = try TemporaryFolder()
        let file = try TemporaryFolder()
        var changed = try SwarmComposition.load(try SmallTopology.write(in: file)).topology
        changed.tuning.learningRate = 1
        changed.data.validation = 2
        let topology = changed
        let records = try ModelComposition.records("builtin:chores", topology)
        func run(_ patience: Int, steps: Int = 50) async throws -> Int? {
            let run = try TuneRun(
                topology, records: records, compute: ComputeChoices(threads: 1), folder: folder.path("run"),
                steps: steps, saveEvery: 10, patience: patience, json: true)
            #expect(try await run.run() == .success)
            let state = try Data(contentsOf: folder.url.appendingPathComponent("run/state.bin"))
            return TuneState(encoded: Array(state))?.step
        }
        #expect(try await run(2) == 20)
        let best = try PEFTDirectory.read(folder.path("run/best"))
        let composition = try ModelComposition(topology)
        #expect(best.values == composition.workbench.origin.values, "the adapter that has learnt nothing is the best")
        #expect(try PEFTDirectory.read(folder.path("run")).values != best.values)
        let card = try String(contentsOfFile: folder.path("run/best/README.md"), encoding: .utf8)
        #expect(card.contains("validation loss") && card.contains("| Steps | 0 of 50 |"))
        #expect(try await run(2) == 20)
        #expect(try await run(3) == 30)
        var plain = topology
        plain.data.validation = 0
        let without = plain
        #expect(throws: CommandFailure.self) {
            _ = try TuneRun(
                without, records: records, compute: ComputeChoices(threads: 1), folder: folder.path("none"),
                saveEvery: 10, patience: 1, json: true)
        }
    }

    /// Measuring changes nothing of what is learnt, also over a stop.
    @Test func measuringChangesNoStep() async throws {
        let folder = try TemporaryFolder()
        for (name, parts) in [("steady", [24]), ("stopped", [10, 24])] {
            for steps in parts {
                try await Self.run(folder.path(name), steps: steps) { $0.data.validation = 2 }
            }
        }
        let steady = try PEFTDirectory.read(folder.path("steady"))
        #expect(try PEFTDirectory.read(folder.path("stopped")).values == steady.values)
        let best = try PEFTDirectory.read(folder.path("steady/best")).values
        #expect(try PEFTDirectory.read(folder.path("stopped/best")).values == best)
        let other = await #expect(throws: CommandFailure.self) {
            try await Self.run(folder.path("steady"), steps: 30) { $0.data.validation = 3 }
        }
        #expect(other?.description.contains("data.own") == true, "\(String(describing: other))")
    }

    @Test func itGoesOnWhereItWasStopped() async throws {
        let folder = try TemporaryFolder()
        // Ten steps are taken at a time. Where a run stops in their midst it rounds once more, and goes on from there.
        try await Self.run(folder.path("steady"), steps: 12)
        try await Self.run(folder.path("stopped"), steps: 10)
        try await Self.run(folder.path("stopped"), steps: 12)
        let steady = try PEFTDirectory.read(folder.path("steady"))
        #expect(try PEFTDirectory.read(folder.path("stopped")).values == steady.values)
        let more = await #expect(throws: CommandFailure.self) { try await Self.run(folder.path("steady"), steps: 2) }
        #expect(more?.description.contains("12 steps already") == true)
        try await Self.run(folder.path("steady"), steps: 2, resumption: .restart)
    }

    /// What differs, and whether the adapter keeps its meaning under it.
    @Test(arguments: [
        ("tuning.template", true), ("tuning.cutoff", true), ("tuning.learning-rate", true), ("model.lora.alpha", false),
        ("model.lora.dropout", true), ("model.lora.rank-stabilised", false), ("swarm.seed", false), ("data.own", true),
    ]) func aStateOfOtherSettingsIsRefusedByKey(key: String, canGoOn: Bool) async throws {
        let folder = try TemporaryFolder()
        try await Self.run(folder.path("run"), steps: 2)
        func other(_ resumption: ResumeChoice) async throws {
            try await Self.run(
                folder.path("run"), steps: 4, resumption: resumption, seed: key == "data.own" ? 8 : nil
            ) { topology in
                switch key {
                case "tuning.template": (topology.tuning.template, topology.tuning.cutoff) = ("alpaca", 512)
                case "tuning.cutoff": topology.tuning.cutoff = 63
                case "tuning.learning-rate": topology.tuning.learningRate = 1e-3
                case "model.lora.alpha": topology.model.lora.alpha = 64
                case "model.lora.dropout": topology.model.lora.dropout = 0.5
                case "model.lora.rank-stabilised": topology.model.lora.isRankStabilised = true
                case "swarm.seed": topology.swarm.seed = 8
                default: break
                }
            }
        }
        let refused = await #expect(throws: CommandFailure.self) { try await other(.refuse) }
        let text = refused?.description ?? ""
        #expect(text.contains(key) && text.contains("--restart"), "\(text)")
        #expect(text.contains("--continue-with") == canGoOn)
        if canGoOn {
            try await other(.continueWith)
            // From now on these are its settings.
            try await other(.refuse)
        } else {
            await #expect(throws: CommandFailure.self) { try await other(.continueWith) }
            try await other(.restart)
        }
    }

    @Test(arguments: [0, 7, 100]) func aStateThatIsNoneIsRefused(length: Int) async throws {
        let folder = try TemporaryFolder()
        try await Self.run(folder.path("run"), steps: 1)
        let state = folder.path("run/state.bin")
        let bytes = try Data(contentsOf: URL(fileURLWithPath: state))
        try bytes.prefix(length).write(to: URL(fileURLWithPath: state))
        await #expect(throws: CommandFailure.self) { try await Self.run(folder.path("run"), steps: 2) }
        var spoilt = try #require(TuneState(encoded: [UInt8](bytes)))
        spoilt.values[0] = .nan
        try Data(spoilt.encoded).write(to: URL(fileURLWithPath: state))
        let failure = await #expect(throws: CommandFailure.self) { try await Self.run(folder.path("run"), steps: 2) }
        #expect(failure?.description.contains("not finite, the first (nan) at [0]") == true)
        // All values are there, and the trainer's snapshot is not whole.
        try bytes.dropLast(1).write(to: URL(fileURLWithPath: state))
        await #expect(throws: CommandFailure.self) { try await Self.run(folder.path("run"), steps: 2) }
    }

    @Test func aFolderThatCannotBeMadeIsNamed() async throws {
        let failure = await #expect(throws: CommandFailure.self) { try await Self.run("/proc/none", steps: 1) }
        #expect(failure?.description.contains("cannot make the folder") == true)
    }
}
