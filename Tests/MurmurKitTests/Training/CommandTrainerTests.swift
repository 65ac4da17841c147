import Adapters
import Foundation
import InstructionTuning
import MurmurKit
import SwarmFile
import TestSupport
import Testing

/// Trainers in real processes, well-behaved and not.
@Suite(.enabled(if: TrainerScript.isPossible)) struct CommandTrainerTests {
    /// Rounds of two steps from a zero delta; what the last one gave.
    static func rounds(
        _ rounds: Range<Int>, _ trainer: any AdapterTrainer, from start: AdapterDelta? = nil
    ) async throws -> TrainingOutcome {
        var delta = start ?? AdapterDelta(zeroOf: trainer.schema)
        var last: TrainingOutcome?
        for round in rounds {
            let outcome = try await trainer.train(TrainingRequest(round: round, steps: 2, delta: delta))
            delta = outcome.delta
            last = outcome
        }
        return try #require(last)
    }

    /// What three rounds of a well-behaved trainer give.
    static func steady() async throws -> TrainingOutcome {
        let folder = try TemporaryFolder()
        let trainer = try TrainerScript.trainers(in: folder).trainer(of: "peer-0")
        try await trainer.begin()
        let outcome = try await rounds(0..<3, trainer)
        await trainer.end()
        return outcome
    }

    @Test func itTakesTheStepsItIsAskedFor() async throws {
        let folder = try TemporaryFolder()
        let trainers = try TrainerScript.trainers(in: folder)
        let trainer = try trainers.trainer(of: "peer-0")
        try await trainer.begin()
        let outcome = try await Self.rounds(0..<1, trainer)
        // Learning rate 5e-3, momentum 1 and then 1.5.
        for value in outcome.delta.values { #expect(abs(value - 0.0125) < 1e-5) }
        #expect(outcome.records == 8)
        #expect(try await trainers.losses(of: [outcome.delta, nil])[1] == nil)
        #expect(FileManager.default.fileExists(atPath: folder.path("run/peer-0/trainer.log")))
        await trainer.end()
        #expect(!FileManager.default.fileExists(atPath: folder.path("run/peer-0/trainer")))
        // The built-in engine sees the same records: as many tokens with loss, and the same count of records.
        let swarm = try SwarmComposition.load(try SmallTopology.write(in: folder))
        let builtIn = try TrainerChoice.builtIn.factory(for: swarm, own: nil)
        let tuner = try builtIn.trainer(of: "peer-0")
        let own = try await Self.rounds(0..<1, tuner)
        #expect(own.tokens == outcome.tokens && own.records == outcome.records)
        #expect(tuner.sampleCount == trainer.sampleCount && builtIn.schema == trainers.schema)
        #expect(builtIn.baseModelDigest == trainers.baseModelDigest)
        #expect(try builtIn.settings(of: "peer-0").shared == trainers.settings(of: "peer-0").shared)
        #expect(trainers.data(of: trainer) == builtIn.data(of: tuner))
        #expect(
            trainers.adapter(of: outcome.delta)?.values == builtIn.adapter(of: outcome.delta)?.values)
        #expect(throws: CommandFailure.self) { try trainers.trainer(of: "zoe") }
    }

    @Test func aSavedStateIsGoneOnWith() async throws {
        let steady = try await Self.steady()
        let folder = try TemporaryFolder()
        let trainers = try TrainerScript.trainers(in: folder)
        let first = try trainers.trainer(of: "peer-0")
        let fresh = try await first.snapshot()
        let middle = try await Self.rounds(0..<2, first)
        let saved = try await first.snapshot()
        await first.end()
        for isRunning in [false, true] {
            let second = try trainers.trainer(of: "peer-0")
            if isRunning { try await second.begin() }
            try await second.restore(saved)
            let end = try await Self.rounds(2..<3, second, from: middle.delta)
            #expect(end.delta == steady.delta && end.loss == steady.loss)
            await second.end()
        }
        let other = try trainers.trainer(of: "peer-1")
        await #expect(throws: TuningError.self) { try await other.restore(saved) }
        await #expect(throws: TuningError.self) { try await other.restore(Array(saved.dropLast())) }
        await #expect(throws: TuningError.self) { try await other.restore([1, 2, 3]) }
        var spoiled = saved
        spoiled[40] ^= 1
        let damaged = spoiled
        let third = try trainers.trainer(of: "peer-0")
        await #expect(throws: TuningError.self) { try await third.restore(damaged) }
        try await third.restore(fresh)
        #expect(try await Self.rounds(0..<3, third).delta == steady.delta)
        await third.end()
    }

    @Test(arguments: ["dies", "is-killed", "hangs"]) func oneThatDiesOrFallsSilentIsStartedAgain(
        mode: String
    ) async throws {
        let steady = try await Self.steady()
        let folder = try TemporaryFolder()
        let trainer = try TrainerScript.trainers(in: folder, mode: mode, once: true) {
            if mode == "hangs" { $0.silenceLimit = 2 }
        }.trainer(of: "peer-0")
        let outcome = try await Self.rounds(0..<3, trainer)
        #expect(outcome.delta == steady.delta && outcome.loss == steady.loss && outcome.tokens == steady.tokens)
        await trainer.end()
    }

    @Test func oneThatAlwaysDiesFailsTheRound() async throws {
        let folder = try TemporaryFolder()
        let trainer = try TrainerScript.trainers(in: folder, mode: "dies").trainer(of: "peer-0")
        let failure = try #require(
            await #expect(throws: CommandFailure.self) { try await Self.rounds(0..<1, trainer) })
        for words in ["peer-0", "exit code 9", "round 1", "out of memory", "trainer.log"] {
            #expect(failure.description.contains(words), "\(failure)")
        }
        await trainer.end()
    }

    /// What is wrong, and words of what is told of it.
    @Test(arguments: [
        ("prints", "no JSON"), ("floods", "a line has more than"), ("beats", "bytes since it was last asked"),
        ("loses", "no JSON"), ("miscounts", "does not keep to the protocol"), ("nan", "not finite"),
        ("shape", "has shape"), ("misses", "has no tensor"), ("adds", "lora_C"), ("large", "more than the"),
        ("writes-nothing", "returned what cannot be used"), ("pipe", "returned what cannot be used"),
        ("answers-another", "does not keep to the protocol"), ("boasts", "9 records, not 8"),
        ("refuses", "the graphics processor is busy"), ("hangs-deaf", "within 3 s"),
    ]) func whatItReturnsIsNotTrusted(mode: String, words: String) async throws {
        let steady = try await Self.steady()
        let folder = try TemporaryFolder()
        let trainer = try TrainerScript.trainers(in: folder, mode: mode, once: true) {
            if mode == "hangs-deaf" { $0.roundLimit = 3 }
        }.trainer(of: "peer-0")
        let failure = try #require(
            await #expect(throws: CommandFailure.self) { try await Self.rounds(0..<1, trainer) })
        #expect(failure.description.contains(words), "\(failure)")
        // The next round begins from where this one began.
        #expect(try await Self.rounds(0..<3, trainer).delta == steady.delta)
        await trainer.end()
    }

    @Test(arguments: [("no-start", "there is no such module"), ("greets-wrongly", "version 2")])
    func oneThatIsNotReadyIsToldAtTheStart(mode: String, words: String) async throws {
        let folder = try TemporaryFolder()
        let trainer = try TrainerScript.trainers(in: folder, mode: mode).trainer(of: "peer-0")
        let failure = try #require(await #expect(throws: CommandFailure.self) { try await trainer.begin() })
        #expect(failure.description.contains(words), "\(failure)")
        await trainer.end()
    }

    /// What the topology asks for and a trainer does not say that it can do is refused by name, before the swarm waits.
    @Test func stepsAreDrawnBackByWhoCanDoIt() async throws {
        let folder = try TemporaryFolder()
        let plain = try TrainerScript.trainers(in: folder, proximal: 40).trainer(of: "peer-0")
        let failure = try #require(await #expect(throws: CommandFailure.self) { try await plain.begin() })
        #expect(failure.description.contains("tuning.proximal"), "\(failure)")
        await plain.end()
        let able = try TrainerScript.trainers(in: folder, mode: "draws-back", proximal: 40).trainer(of: "peer-0")
        try await able.begin()
        let start = AdapterDelta(zeroOf: able.schema)
        let outcome = try await able.train(TrainingRequest(round: 0, steps: 2, delta: start, proximal: 40))
        // Learning rate 5e-3, momentum 1 and then 1.5; the second step is drawn back over the way of the first.
        for value in outcome.delta.values { #expect(abs(value - (0.0125 - 5e-3 * 40 * 5e-3)) < 1e-5) }
        await able.end()
    }

    /// A trainer that cannot track gradients is refused by name; one that can is given the correction, and its mean gradient
    /// is taken, which is no better believed than its adapter.
    @Test func gradientsAreTrackedByWhoCanDoIt() async throws {
        let folder = try TemporaryFolder()
        let plain = try TrainerScript.trainers(in: folder, tracking: true).trainer(of: "peer-0")
        let failure = try #require(await #expect(throws: CommandFailure.self) { try await plain.begin() })
        #expect(failure.description.contains("exchange.tracking"), "\(failure)")
        await plain.end()
        func outcome(_ mode: String) async throws -> TrainingOutcome {
            let trainer = try TrainerScript.trainers(in: folder, mode: mode, tracking: true).trainer(of: "peer-0")
            let zero = AdapterDelta(zeroOf: trainer.schema)
            var request = TrainingRequest(round: 0, steps: 2, delta: zero)
            request.correction = zero.map { _ in 0.25 }
            let result: Result<TrainingOutcome, any Error>
            do { result = .success(try await trainer.train(request)) } catch { result = .failure(error) }
            await trainer.end()
            return try result.get()
        }
        let found = try await outcome("tracks")
        // Learning rate 5e-3, momentum 1 and then 1.5, each corrected by a quarter.
        for value in found.delta.values { #expect(abs(value - 5e-3 * (0.75 + 1.25)) < 1e-5) }
        #expect(found.gradient?.values.allSatisfy { $0 == -1.5 } == true)
        for (mode, words) in [("tracks-silently", "gradient.safetensors"), ("tracks-nan", "nan")] {
            let failure = try #require(await #expect(throws: CommandFailure.self) { try await outcome(mode) })
            #expect(failure.description.lowercased().contains(words), "\(failure)")
        }
    }

    @Test(arguments: [
        SwarmTopology.TrainerCommand(["/nowhere/trainer"]),
        SwarmTopology.TrainerCommand(shell: "murmur-has-no-such-trainer"),
    ]) func aCommandThatIsNotThereIsTold(command: SwarmTopology.TrainerCommand) async throws {
        let folder = try TemporaryFolder()
        let trainer = try TrainerScript.factory(in: folder, command).trainer(of: "peer-0")
        let failure = try #require(await #expect(throws: CommandFailure.self) { try await trainer.begin() })
        #expect(failure.description.contains("cannot be started: there is no such program"), "\(failure)")
        await trainer.end()
    }

    @Test func whatItSaysOnStandardErrorIsKeptWithinLimits() async throws {
        let folder = try TemporaryFolder()
        let trainer = try TrainerScript.trainers(in: folder, mode: "complains", once: true).trainer(of: "peer-0")
        _ = try await Self.rounds(0..<1, trainer)
        await trainer.end()
        let sizes = try ["trainer.log", "trainer.log.1"].map { name in
            try #require(
                try FileManager.default.attributesOfItem(atPath: folder.path("run/peer-0/" + name))[.size] as? Int)
        }
        #expect(sizes.allSatisfy { $0 <= TrainerLog.limit } && sizes.max()! > TrainerLog.limit / 2)
    }

    @Test(arguments: ["hangs-deaf", "hangs"]) func theEndOfThePeerIsItsEnd(mode: String) async throws {
        let folder = try TemporaryFolder()
        let trainer = try TrainerScript.trainers(in: folder, mode: mode).trainer(of: "peer-0")
        try await trainer.begin()
        let identifier = try #require(Int32(String(contentsOfFile: folder.path("pid"), encoding: .utf8)))
        #expect(kill(identifier, 0) == 0)
        let training = Task { try await Self.rounds(0..<1, trainer) }
        try await Task.sleep(for: .milliseconds(500))
        await trainer.end()
        #expect(kill(identifier, 0) != 0)
        await #expect(throws: CommandFailure.self) { try await training.value }
        await #expect(throws: CommandFailure.self) { try await Self.rounds(0..<1, trainer) }
    }

    @Test func heldOutRecordsAreMeasured() async throws {
        let folder = try TemporaryFolder()
        let trainers = try TrainerScript.trainers(in: folder)
        let zero = AdapterDelta(zeroOf: trainers.schema)
        let before = try #require(try await trainers.losses(of: [zero])[0])
        let delta = AdapterDelta(schema: zero.schema, values: zero.values.map { _ in 1 })
        let after = try #require(try await trainers.losses(of: [nil, delta])[1])
        #expect(abs(after.loss - before.loss - 1) < 1e-4 && after.records == before.records && after.records > 0)
        let wrong = try TrainerScript.trainers(in: folder, mode: "mismeasures")
        await #expect(throws: CommandFailure.self) { try await wrong.losses(of: [delta]) }
    }

    /// The page's trainer of twenty lines, letter for letter.
    @Test(.enabled(if: TrainerScript.hasNumpy)) func theTrainerOfThePageTrains() async throws {
        let url = SharedData.projectRoot.appendingPathComponent("docs/trainers.md")
        let page = try String(contentsOf: url, encoding: .utf8)
        let parts = page.components(separatedBy: "```python\n")
        try #require(parts.count == 2)
        let code = try #require(parts[1].components(separatedBy: "```").first)
        #expect(code.split(separator: "\n").count <= 30)
        let folder = try TemporaryFolder()
        try folder.write(code, to: "tiny.py")
        let trainers = try TrainerScript.factory(
            in: folder, SwarmTopology.TrainerCommand(shell: "python3 \(folder.path("tiny.py"))"))
        let trainer = try trainers.trainer(of: "peer-0")
        try await trainer.begin()
        let first = try await Self.rounds(0..<1, trainer)
        let later = try await Self.rounds(1..<40, trainer, from: first.delta)
        #expect(first.loss > later.loss && later.loss < 0.8)
        try await trainer.restore(trainer.snapshot())
        await trainer.end()
    }
}
