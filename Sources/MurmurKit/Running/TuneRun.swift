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
    /// What measures on the validation part; nil where there is none.
    private let validator: Validator?
    private let best: BestAdapterFile?
    /// After so many measurements without a better one the run ends; nil for never.
    private let patience: Int?

    /// Steps between two looks at whether to stop.
    private static let stepsAtATime = 10

    /// A run of `steps` steps (all of the settings' rounds unless given) on `records` in `folder`, with the model and the settings of `topology`. It goes on from what
    /// the folder holds.
    ///
    /// - Parameters:
    ///   - resumption: what is done about a state of other settings.
    ///   - saveEvery: adapter and state are written every so many steps, and the adapter is measured on the validation part.
    ///   - patience: after so many measurements without a better one the run ends; nil for never.
    ///   - trainer: who trains: the built-in engine, or a command.
    ///   - json: whether progress is told as JSON lines.
    /// - Throws: `CommandFailure` for a folder that no such run made, or that another process has.
    package init(
        _ topology: SwarmTopology, records: [InstructionRecord], compute: ComputeChoices, folder: String,
        steps: Int? = nil,
        saveEvery: Int, patience: Int? = nil, resumption: ResumeChoice = .refuse, trainer: TrainerChoice = .builtIn,
        json: Bool
    ) throws {
        try OutputFolder.tune.check(folder)
        let name = "alone"
        let part = DataPartition.Part(name: name, records: records)
            .holdingBack(perCategory: topology.data.validation, seed: topology.swarm.seed)
        let partition = try DataPartition(peers: [part], heldOut: [])
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
        let provenance = AdapterProvenance(
            topology, baseModelDigest: trainers.baseModelDigest, records: part.records.count, peer: nil)
        self.provenance = provenance
        self.json = json
        self.patience = patience
        validator = try trainers.validator(of: name, tuner)
        best = validator.map {
            BestAdapterFile(path: folder + "/best", provenance: provenance, records: $0.records)
        }
        if topology.data.validation > 0, validator == nil {
            Terminal.note("murmur: there is no validation part: no category has two records")
        }
        guard validator != nil || patience == nil else {
            throw CommandFailure("--patience needs a validation part that it can go by: give --validation 1 or more")
        }
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
        var (step, delta, findings) = try await resumed()
        let progress = ProgressLine("tuning", quietly: json)
        var last: TrainingOutcome?
        var measured = step
        if findings.best == nil { try await measure(delta, after: step, &findings) }
        while step < steps, !stop.isRaised, !isOver(findings) {
            let count = min(Self.stepsAtATime - step % Self.stepsAtATime, steps - step)
            let outcome = try await tuner.train(TrainingRequest(round: step, steps: count, delta: delta))
            step += count
            delta = outcome.delta
            tell(step, outcome, progress)
            // Steps are taken several at a time: saved whenever they have passed a multiple of `saveEvery`.
            last = outcome
            if step % saveEvery < count {
                try await measure(delta, after: step, &findings)
                measured = step
                try await save(step, delta, outcome, findings)
            }
        }
        progress.finish()
        if step == steps, measured < step { try await measure(delta, after: step, &findings) }
        try await save(step, delta, last, findings)
        return report(step, findings)
    }

    /// Whether there was no better adapter for as long as the run has patience.
    private func isOver(_ findings: ValidationRecord) -> Bool { patience.map { findings.sinceBest >= $0 } ?? false }

    /// How the run has ended, in words and as an exit code.
    private func report(_ step: Int, _ findings: ValidationRecord) -> ExitStatus {
        let isEarly = step < steps && isOver(findings)
        if step < steps, !isEarly {
            Terminal.note(
                "Stopped after \(step) of \(steps) steps; the adapter as it is now is in \(folder), and the same command goes "
                    + "on from there.")
            return .stopped
        }
        guard !json else { return .success }
        if isEarly {
            Terminal.print(
                "Ended after \(step) of \(steps) steps: the last \(Readable.count(findings.sinceBest, "measurement")) on the "
                    + "validation part found nothing better")
        }
        Terminal.print("The adapter is in \(folder)")
        if let best, let loss = findings.best {
            Terminal.print(
                "The best one, after \(Readable.count(findings.bestPlace, "step")), is in \(best.path): validation loss "
                    + "\(Readable.number(loss))")
        }
        return .success
    }

    /// Measures the adapter on the validation part, and keeps it where it is the best so far.
    private func measure(_ delta: AdapterDelta, after step: Int, _ findings: inout ValidationRecord) async throws {
        guard let validator, let best else { return }
        let loss = try await validator.loss(delta)
        let isBest = findings.take(loss, at: step)
        if isBest { best.write(trainers.adapter(of: delta), loss: loss, progress: [("Steps", "\(step) of \(steps)")]) }
        if json {
            let figure = loss.isFinite ? "\(loss)" : "null"
            Terminal.print("{\"best\":\(isBest),\"step\":\(step),\"validation_loss\":\(figure)}")
        } else if !Terminal.errorIsTerminal {
            Terminal.print(
                "step \(step)/\(steps)  validation loss \(Readable.number(loss))" + (isBest ? ", the best so far" : ""))
        }
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
        let others = ["tuning.rounds", "tuning.local-steps", "tuning.local-epochs", "tuning.proximal"]
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

    private func save(
        _ step: Int, _ delta: AdapterDelta, _ outcome: TrainingOutcome?, _ findings: ValidationRecord
    ) async throws {
        let trained = try await tuner.snapshot()
        let state = TuneState(
            step: step, settings: settings, values: delta.values,
            snapshot: validator == nil ? trained : findings.encoded(before: trained))
        if let adapter = trainers.adapter(of: delta) {
            try provenance.write(
                adapter, to: folder, progress: [("Steps", "\(step) of \(steps)")],
                metrics: outcome.map(Self.metrics) ?? [])
        }
        try AtomicFile.write(state.encoded, to: statePath)
    }

    private func resumed() async throws -> (step: Int, delta: AdapterDelta, findings: ValidationRecord) {
        var findings = ValidationRecord()
        let begin = (step: 0, delta: AdapterDelta(zeroOf: tuner.schema), findings: findings)
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
                var trained = state.snapshot
                if validator != nil { (findings, trained) = try ValidationRecord.decode(trained) }
                try await tuner.restore(trained)
            } catch {
                throw CommandFailure("\(statePath): \(error); --restart begins anew")
            }
            Terminal.note("Going on after \(state.step) steps")
        }
        return (state.step, AdapterDelta(schema: tuner.schema, values: state.values), findings)
    }
}
