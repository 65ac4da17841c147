package import Adapters
package import InstructionTuning
import LanguageModel
import Storage
import SwarmFile

/// Trains through a process of its own that speaks the protocol of docs/trainers.md: the order of the records, the masks,
/// the learning rate and the counting stay here, the model and its gradients are there.
///
/// The process is started before the first round, started again from the last snapshot when it dies, and ended with the
/// peer. What it returns is a stranger's: names, shapes, finite values, counts, sizes and times are checked.
package actor CommandTrainer: AdapterTrainer {
    package nonisolated let schema: AdapterSchema
    package nonisolated let sampleCount: Int
    /// What encoding did to the records.
    package nonisolated let report: EncodedRecords.Report

    private let job: TrainerJob
    private let command: SwarmTopology.TrainerCommand
    private let listener: (@Sendable (TuningStep) -> Void)?
    private let log: TrainerLog
    private var state: CommandTrainerState
    private var session: TrainerSession?
    private var isEnding = false
    private var lastRequest = 0

    /// A trainer for `job` by `command`, whose standard error goes to the file at `log`.
    ///
    /// - Parameter listener: called after every step.
    init(
        _ job: TrainerJob, _ command: SwarmTopology.TrainerCommand, log: String,
        listener: (@Sendable (TuningStep) -> Void)? = nil
    ) {
        self.job = job
        self.command = command
        self.listener = listener
        self.log = TrainerLog(path: log)
        schema = job.origin.schema
        sampleCount = job.records.sequences.count
        report = job.records.report
        state = CommandTrainerState(sampler: job.sampler)
    }

    /// Starts the process, so that what is wrong with the command is known at once.
    package func begin() async throws {
        do {
            _ = try await running()
        } catch let fault as TrainerFault {
            throw failure(fault, "")
        }
    }

    package func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        guard request.delta.schema == schema else { throw TuningError.foreignDelta }
        var sampler = state.sampler
        let steps = (0..<request.steps).map { job.step(state.steps + $0, records: sampler.next()) }
        var restarts = 0
        while true {
            do {
                let outcome = try await attempt(request, steps)
                // Only now: after an error, and in another process, the round begins from where it was.
                state.sampler = sampler
                state.steps += request.steps
                state.snapshot = outcome.snapshot
                return outcome.outcome
            } catch let fault as TrainerFault {
                // Where the peer leaves, the process is given its time to stop.
                if !fault.leavesTrainer, !isEnding { await drop() }
                guard fault.isWorthAnother, restarts < command.restarts, !isEnding else {
                    throw failure(fault, " in round \(request.round + 1)")
                }
                restarts += 1
                Terminal.note(
                    "murmur: \(failure(fault, " in round \(request.round + 1)")); starting it again from its last snapshot "
                        + "(\(restarts) of \(command.restarts))")
                try await Task.sleep(for: .seconds(min(30, 1 << (restarts - 1))))
            }
        }
    }

    /// The loss of an adapter on the records that nobody trains on; nil where there are none.
    package func evaluate(_ delta: AdapterDelta) async throws -> Double? {
        try await loss(of: delta, on: job.heldOut, in: job.files.heldOut)
    }

    /// How many records that nobody trains on it measures by.
    nonisolated var heldOutCount: Int { job.heldOut.count }

    /// How many records of the peer's own it measures itself by.
    package nonisolated var validationCount: Int { job.validation.count }

    /// How many of them it measures gains by.
    nonisolated func recordCount(of choice: ValidationChoice) -> Int {
        choice == .whole ? job.validation.count : job.gainRecords.count
    }

    /// The loss of an adapter on them; nil where there are none.
    package func validate(_ delta: AdapterDelta, on choice: ValidationChoice = .whole) async throws -> Double? {
        switch choice {
        case .whole: try await loss(of: delta, on: job.validation, in: job.files.validation)
        case .gains: try await loss(of: delta, on: job.gainRecords, in: job.files.gainRecords)
        }
    }

    private func loss(of delta: AdapterDelta, on records: [TokenSequence], in file: String) async throws -> Double? {
        guard !records.isEmpty else { return nil }
        do {
            let session = try await running()
            try await givingWay { [job] in try job.write(delta) }
            let id = nextRequest()
            var loss: Double?
            let expected = TrainerJob.lossTokens(in: records)
            try await session.ask(
                TrainerRequest.evaluate(id: id, adapter: job.files.adapter, records: file),
                within: command.roundLimit
            ) { reply throws(TrainerFault) in
                guard case .evaluated(let found, let value, let tokens) = reply, found == id else {
                    throw .violation("it answers \(reply) to evaluate \(id)")
                }
                guard tokens == expected else {
                    throw .badResult("it measured \(tokens) tokens of the \(expected) that carry loss")
                }
                loss = value
                return true
            }
            return loss
        } catch let fault as TrainerFault {
            if !fault.leavesTrainer, !isEnding { await drop() }
            throw failure(fault, " while it measured")
        }
    }

    package func snapshot() async throws -> [UInt8] { state.encoded(fingerprint: job.fingerprint) }

    package func restore(_ snapshot: [UInt8]) async throws {
        var restored = try CommandTrainerState.decode(snapshot, like: state, fingerprint: job.fingerprint)
        swap(&state, &restored)
        do {
            // One that runs already need not load the model again.
            if let session, !session.process.isOver { try await takeUpState(session) } else { _ = try await running() }
        } catch let fault as TrainerFault {
            if !fault.leavesTrainer { await drop() }
            state = restored
            throw failure(fault, " while it took up its saved state")
        }
    }

    /// Asks the process to stop, and ends it where it does not; the scratch folder goes.
    package func end() async {
        isEnding = true
        if let session {
            // Sent without waiting: a request may be under way.
            for message in [TrainerRequest.cancel(id: lastRequest), TrainerRequest.stop] {
                if let line = try? TrainerRequest.line(message) { session.process.send(line) }
            }
            session.process.wake(.stop)
            await session.process.end(patience: Self.patience)
        }
        session = nil
        job.files.remove()
    }

    /// How long a trainer may take to stop.
    private static let patience = Duration.seconds(10)

    // MARK: - One process after the other

    /// The conversation with the process, which is started where none runs, in the state that is kept here.
    private func running() async throws -> TrainerSession {
        if let session, !session.process.isOver { return session }
        guard !isEnding else { throw TrainerFault.stopped }
        try job.prepare()
        let (begun, name) = try await TrainerSession.begin(
            command, hello: job.hello(command), samples: sampleCount, skills: job.skills, log: log)
        log.note("ready: \(name)")
        if isEnding {
            await begun.process.end(patience: Self.patience)
            throw TrainerFault.stopped
        }
        session = begun
        do {
            try await takeUpState(begun)
        } catch {
            await drop()
            throw error
        }
        return begun
    }

    /// Brings the process into the state that is kept here, if there is one.
    private func takeUpState(_ session: TrainerSession) async throws {
        guard let snapshot = state.snapshot else { return }
        try AtomicFile.write(snapshot, to: job.files.snapshot)
        let id = nextRequest()
        try await session.ask(
            TrainerRequest.restore(id: id, file: job.files.snapshot, steps: state.steps), within: command.startLimit,
            mayBeSilent: true
        ) { reply throws(TrainerFault) in
            guard reply == .restored(id: id) else { throw .violation("it answers \(reply) to restore \(id)") }
            return true
        }
    }

    private func drop() async {
        guard let process = session?.process else { return }
        session = nil
        process.kill()
        await process.end(patience: .zero)
    }

    /// Writes files with less priority than the exchange has, which other peers of this machine may still be in: on Linux
    /// the thread is ten steps nicer. Not a task that is waited for, as that would take its waiter's priority.
    private func givingWay<Value: Sendable>(_ write: @escaping @Sendable () throws -> Value) async throws -> Value {
        try await withCheckedThrowingContinuation { continuation in
            Task.detached(priority: .background) { continuation.resume(with: Result { try write() }) }
        }
    }

    private func nextRequest() -> Int {
        lastRequest += 1
        return lastRequest
    }

    private func attempt(
        _ request: TrainingRequest, _ steps: [TrainerRequest.Step]
    ) async throws -> (outcome: TrainingOutcome, snapshot: [UInt8]) {
        let session = try await running()
        let tracking = try await givingWay { [job] in
            try job.write(request.delta)
            return try job.writeCorrection(of: request)
        }
        let id = nextRequest()
        var (lossSum, tokens, taken) = (0.0, 0, 0)
        let records = steps.reduce(0) { $0 + $1.records.count }
        try await session.ask(
            TrainerRequest.train(
                id: id, round: request.round, steps: steps, factors: request.factors, proximal: request.proximal,
                adapter: job.files.adapter, result: job.files.result, tracking: tracking),
            within: command.roundLimit
        ) { reply throws(TrainerFault) in
            switch reply {
            case .step(id, let number, let loss, let norm) where taken < steps.count && number == steps[taken].number:
                let count = job.lossTokens(of: steps[taken])
                lossSum += loss * Double(count)
                tokens += count
                listener?(
                    TuningStep(
                        step: number, loss: loss, tokens: count, learningRate: steps[taken].learningRate,
                        gradientNorm: norm ?? .nan))
                taken += 1
                return false
            case .trained(id, let count):
                guard taken == steps.count else {
                    throw .badResult("it told of \(taken) of \(steps.count) steps")
                }
                guard count == records else { throw .badResult("it used \(count) records, not \(records)") }
                return true
            default: throw .violation("it answers \(reply) to train \(id) after \(taken) of \(steps.count) steps")
            }
        }
        let delta = job.origin.delta(of: try TrainerFiles.adapter(at: job.files.result, of: schema))
        let gradient = try tracking.map { try TrainerFiles.adapter(at: $0.gradient, of: schema) }
        let snapshot = try await saved(session)
        let loss = tokens == 0 ? 0 : lossSum / Double(tokens)
        var outcome = TrainingOutcome(delta: delta, loss: loss, tokens: tokens, records: records)
        outcome.gradient = gradient.map { AdapterDelta(schema: schema, values: $0) }
        return (outcome, snapshot)
    }

    /// The optimiser's state, as the trainer writes it.
    private func saved(_ session: TrainerSession) async throws -> [UInt8] {
        let id = nextRequest()
        job.files.removeSnapshot()
        try await session.ask(
            TrainerRequest.snapshot(id: id, file: job.files.snapshot), within: command.startLimit
        ) { reply throws(TrainerFault) in
            guard reply == .snapshotted(id: id) else { throw .violation("it answers \(reply) to snapshot \(id)") }
            return true
        }
        do throws(FileError) {
            return try ReadableFile.contents(
                of: job.files.snapshot, limit: TrainerFiles.snapshotLimit(schema.count))
        } catch {
            throw TrainerFault.badResult("its snapshot: \(error)")
        }
    }

    /// What went wrong, for people: who, with which command, and where to read on.
    private func failure(_ fault: TrainerFault, _ when: String) -> CommandFailure {
        let program = TrainerReply.shown(command.command.joined(separator: " ").prefix(200).description)
        let last = fault.leavesTrainer ? nil : log.lastLine
        return CommandFailure(
            "\(job.peer): the trainer (\(program)) \(fault)\(when)"
                + (last.map { "; its last words: \($0)" } ?? "") + "; its log: \(log.path)")
    }
}
