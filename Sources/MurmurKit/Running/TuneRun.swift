import Adapters
import Federation
import Foundation
package import InstructionTuning
import LinearAlgebra
import Observability
import Storage
package import SwarmFile

/// The steps of `murmur tune`: one trainer alone, with progress, saving and resumption.
package struct TuneRun {
    private let trainers: any TrainerFactory
    private let tuner: any AdapterTrainer
    private let folder: String
    /// The folder is this run's alone as long as it is there.
    private let lock: FolderLock
    private let steps: Int
    private let saveEvery: Int
    private let resumption: ResumeChoice
    private let settings: SettingsFingerprint
    private let provenance: AdapterProvenance
    private let json: Bool

    /// Steps between two looks at whether to stop.
    private static let stepsAtATime = 10

    /// A run of `steps` steps (all of the settings' rounds unless given) on `records` in `folder`, with the model and the settings of `topology`. It goes on from what
    /// the folder holds.
    ///
    /// - Parameters:
    ///   - resumption: what is done about a state of other settings.
    ///   - saveEvery: adapter and state are written every so many steps.
    ///   - trainer: who trains: the built-in engine, or a command.
    ///   - json: whether progress is told as JSON lines.
    /// - Throws: `CommandFailure` for a folder that no such run made, or that another process has.
    package init(
        _ topology: SwarmTopology, records: [InstructionRecord], compute: ComputeChoices, folder: String,
        steps: Int? = nil,
        saveEvery: Int, resumption: ResumeChoice = .refuse, trainer: TrainerChoice = .builtIn, json: Bool
    ) throws {
        try OutputFolder.tune.check(folder)
        let name = "alone"
        let partition = try DataPartition(peers: [.init(name: name, records: records)], heldOut: [])
        switch trainer {
        case .command(let command):
            trainers = try CommandTrainers(
                topology, partition, command, threads: compute.threadCount, folder: folder)
        default:
            trainers = try BuiltInTrainers(
                try ModelComposition(topology, compute: compute), partition,
                placement: .alone(threads: compute.threadCount))
        }
        tuner = try trainers.trainer(of: name)
        self.folder = folder
        let resolved = topology.tuning.resolved(records: tuner.sampleCount)
        self.steps = steps ?? resolved.totalSteps
        self.saveEvery = saveEvery
        self.resumption = resumption
        settings = try Self.settings(topology, trainers, of: name, totalSteps: resolved.totalSteps)
        provenance = AdapterProvenance(
            topology, baseModelDigest: trainers.baseModelDigest, records: records.count, peer: nil)
        self.json = json
        lock = try OutputFolder.tune.claim(folder)
        if let report = (tuner as? InstructionTuner)?.report ?? (tuner as? CommandTrainer)?.report {
            Terminal.note(report.description)
        }
    }

    private var statePath: String { folder + "/state.bin" }

    /// Takes the steps that are missing; a request to stop ends it after the steps under way.
    ///
    /// - Returns: whether all steps are taken, or the same command takes the others.
    package func run() async throws -> ExitStatus {
        defer { withExtendedLifetime(lock) {} }
        let stop = StopFlag()
        // From here on, so that a request while a trainer starts is heard, too.
        let requests = Signals.stopRequests()
        let stopper = Task { for await _ in requests { stop.raise() } }
        defer { stopper.cancel() }
        do {
            try await tuner.begin()
            let status = try await train(until: stop)
            await tuner.end()
            return status
        } catch {
            await tuner.end()
            throw error
        }
    }

    private func train(until stop: StopFlag) async throws -> ExitStatus {
        var (step, delta) = try await resumed()
        let progress = ProgressLine("tuning", quietly: json)
        var last: TrainingOutcome?
        while step < steps, !stop.isRaised {
            let count = min(Self.stepsAtATime - step % Self.stepsAtATime, steps - step)
            let outcome = try await tuner.train(TrainingRequest(round: step, steps: count, delta: delta))
            step += count
            delta = outcome.delta
            tell(step, outcome, progress)
            // Steps are taken several at a time: saved whenever they have passed a multiple of `saveEvery`.
            last = outcome
            if step % saveEvery < count { try await save(step, delta, outcome) }
        }
        progress.finish()
        try await save(step, delta, last)
        if step < steps {
            Terminal.note(
                "Stopped after \(step) of \(steps) steps; the adapter as it is now is in \(folder), and the same command goes "
                    + "on from there.")
            return .stopped
        }
        if !json { Terminal.print("The adapter is in \(folder)") }
        return .success
    }

    private func tell(_ step: Int, _ outcome: TrainingOutcome, _ progress: ProgressLine) {
        progress.update(step, of: steps, detail: "loss " + Readable.number(outcome.loss))
        if json {
            Terminal.print("{\"loss\":\(outcome.loss),\"step\":\(step),\"tokens\":\(outcome.tokens)}")
        } else if !Terminal.errorIsTerminal, step % 50 == 0 || step == steps {
            Terminal.print("step \(step)/\(steps)  loss \(Readable.number(outcome.loss))")
        }
    }

    /// What gives the numbers of a run their meaning. How many steps are asked for is none of it, unless the learning rate
    /// follows from it.
    private static func settings(
        _ topology: SwarmTopology, _ trainers: any TrainerFactory, of name: String, totalSteps: Int
    ) throws -> SettingsFingerprint {
        let all = SettingsFingerprint(topology, baseModelDigest: trainers.baseModelDigest)
        let parts = ["swarm.seed", "model.", "tuning."]
        let others = ["tuning.rounds", "tuning.local-steps", "tuning.local-epochs"]
        var settings = SettingsFingerprint(
            all.entries.filter { entry in
                parts.contains { entry.key.hasPrefix($0) } && !others.contains(entry.key)
            })
        let trainer = try trainers.settings(of: name)
        // The records are the run's own, and no swarm deals them out.
        for entry in trainer.shared where entry.key != "data.records" { settings.set(entry) }
        if topology.tuning.schedule != .constant { settings.set(.init("steps", "\(totalSteps)")) }
        for entry in trainer.own { settings.set(entry) }
        return settings
    }

    /// What the last steps tell: the loss of what was trained on, not of anything held out.
    private static func metrics(_ outcome: TrainingOutcome) -> [ModelCard.Metric] {
        guard outcome.loss.isFinite else { return [] }
        return [
            .init(
                name: "training loss, nats a token", value: Readable.number(outcome.loss),
                support: "\(outcome.tokens) tokens of the last steps")
        ]
    }

    private func save(_ step: Int, _ delta: AdapterDelta, _ outcome: TrainingOutcome?) async throws {
        let state = TuneState(
            step: step, settings: settings, values: delta.values, snapshot: try await tuner.snapshot())
        if let adapter = trainers.adapter(of: delta) {
            try provenance.write(
                adapter, to: folder, progress: [("Steps", "\(step) of \(steps)")],
                metrics: outcome.map(Self.metrics) ?? [])
        }
        try AtomicFile.write(state.encoded, to: statePath)
    }

    private func resumed() async throws -> (step: Int, delta: AdapterDelta) {
        let begin = (step: 0, delta: AdapterDelta(zeroOf: tuner.schema))
        guard resumption != .restart, FileManager.default.fileExists(atPath: statePath) else { return begin }
        let bytes = try ReadableFile.contents(of: statePath, limit: 4 << 30)
        guard let state = TuneState(encoded: bytes) else {
            throw CommandFailure(
                "\(statePath) is not the state of such a run, or is damaged; --restart begins anew, another --out leaves it "
                    + "alone")
        }
        let difference = try ResumedState.check(state.settings, against: settings, at: statePath, resumption)
        guard state.values.count == tuner.schema.count else {
            throw CommandFailure("\(statePath) is of another adapter; --restart begins anew")
        }
        if let found = NotFiniteValues.find(in: state.values[...]) {
            let what = found.description(shape: [state.values.count])
            throw CommandFailure("\(statePath): the adapter: \(what); give another --out, or --restart")
        }
        guard state.step <= steps else {
            throw CommandFailure(
                "\(folder) holds an adapter of \(state.step) steps already; ask for more --steps, or --restart")
        }
        if let difference {
            Terminal.note(
                "Going on after \(state.step) steps with other settings (\(difference)): the adapter is kept, the optimiser "
                    + "begins anew")
        } else {
            do {
                try await tuner.restore(state.snapshot)
            } catch {
                throw CommandFailure("\(statePath): \(error); --restart begins anew")
            }
            Terminal.note("Going on after \(state.step) steps")
        }
        return (state.step, AdapterDelta(schema: tuner.schema, values: state.values))
    }
}
