import Adapters
import Foundation
import InstructionTuning
import Observability
import Storage

/// The steps of `murmur tune`, with progress, saving and resumption.
struct AloneRun {
    let composition: Composition
    let tuner: InstructionTuner
    let folder: String
    let steps: Int
    let saveEvery: Int
    let fresh: Bool
    let json: Bool

    private static let stepsAtATime = 10

    private var statePath: String { folder + "/state.bin" }

    /// Takes the steps that are missing; a request to stop ends it after the steps under way.
    func run() async throws {
        do {
            try AtomicFile.createFolder(folder)
        } catch {
            throw CommandFailure("cannot make the folder: \(error)")
        }
        var (step, delta) = try await resume()
        let progress = ProgressLine("tuning", quietly: json)
        let stop = StopFlag()
        let stopper = Task { for await _ in Signals.stopRequests() { stop.raise() } }
        defer { stopper.cancel() }
        while step < steps, !stop.isRaised {
            let count = min(Self.stepsAtATime - step % Self.stepsAtATime, steps - step)
            let outcome = try await tuner.train(TrainingRequest(round: step, steps: count, delta: delta))
            step += count
            delta = outcome.delta
            tell(step, outcome, progress)
            if step % saveEvery < count { try await save(step, delta) }
        }
        progress.finish()
        try await save(step, delta)
        if step < steps {
            Terminal.note("Stopped after \(step) of \(steps) steps; the same command goes on from there.")
        } else if !json {
            Terminal.print("The adapter is in \(folder)")
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

    /// State: the number of steps (8 bytes, little-endian), the values, the trainer's snapshot.
    private func save(_ step: Int, _ delta: AdapterDelta) async throws {
        let snapshot = try await tuner.snapshot()
        var bytes: [UInt8] = []
        bytes.reserveCapacity(8 + 4 * delta.values.count + snapshot.count)
        for shift in stride(from: 0, to: 64, by: 8) { bytes.append(UInt8(truncatingIfNeeded: step >> shift)) }
        for value in delta.values {
            for shift in stride(from: UInt32(0), to: 32, by: 8) {
                bytes.append(UInt8(truncatingIfNeeded: value.bitPattern >> shift))
            }
        }
        bytes += snapshot
        try PEFTDirectory.write(composition.adapter(of: delta), to: folder)
        try AtomicFile.write(bytes, to: statePath)
    }

    private func resume() async throws -> (Int, AdapterDelta) {
        let begin = (0, AdapterDelta(zeroOf: tuner.schema))
        guard !fresh, FileManager.default.fileExists(atPath: statePath) else { return begin }
        let bytes = try ReadableFile.contents(of: statePath, limit: 4 << 30)
        let values = 8 + 4 * tuner.schema.count
        guard bytes.count > values else {
            throw CommandFailure("\(statePath) is not the state of such a run; give another --out, or --fresh")
        }
        func word(_ offset: Int, _ count: Int) -> UInt64 {
            (0..<count).reduce(0) { $0 | UInt64(bytes[offset + $1]) << UInt64(8 * $1) }
        }
        let step = word(0, 8)
        let floats = (0..<tuner.schema.count).map { Float(bitPattern: UInt32(word(8 + 4 * $0, 4))) }
        do {
            try await tuner.restore(Array(bytes[values...]))
        } catch {
            throw CommandFailure("\(statePath): \(error); give another --out, or --fresh")
        }
        guard step <= UInt64(steps) else {
            throw CommandFailure(
                "\(folder) holds an adapter of \(step) steps already; ask for more --steps, or --fresh")
        }
        Terminal.note("Going on after \(step) steps")
        return (Int(step), AdapterDelta(schema: tuner.schema, values: floats))
    }
}
