package import Adapters
import Basics
import Foundation
package import LanguageModel
package import LinearAlgebra
package import SwarmFile
import Synchronization

/// Tunes a LoRA adapter of a language model on one peer's records: the trainer behind a peer.
///
/// The work runs on a compute lane. Optimiser moments, the learning rate's schedule and the place in the data go on over
/// the rounds; they are what `snapshot()` keeps. Batches follow from (seed, peer, epoch) and dropout from (seed, peer,
/// step), so that a trainer restored from a snapshot goes on to the last bit as if it had not been stopped.
///
/// The swarm moves the adapter between rounds while the moments stay those of the peer's own gradients, as usual in local
/// stochastic gradient descent with kept optimiser state; Shepherd starts moments and schedule anew in every round.
package final class InstructionTuner: AdapterTrainer {
    /// The adapter's tensors.
    package var schema: AdapterSchema { origin.schema }
    /// The number of records that are trained on.
    package let sampleCount: Int
    /// What encoding did to the records.
    package let report: EncodedRecords.Report
    package let peer: String
    /// The steps of a round.
    package var localSteps: Int { settings.localSteps }

    let origin: AdapterOrigin
    let engine: TrainingEngine
    let sequences: [TokenSequence]
    let settings: SwarmTopology.Tuning
    let seed: UInt64
    let listener: (@Sendable (TuningStep) -> Void)?
    private let lane: ComputeLane
    private let state: Mutex<TunerState>

    /// A trainer for one peer's records.
    ///
    /// - Parameters:
    ///   - peer: tells the peers of one seed apart.
    ///   - engine: an engine set up for training, this trainer's alone.
    ///   - origin: the seed adapter of the swarm, for the engine's model and LoRA configuration.
    ///   - listener: called on the lane after every step.
    /// - Throws: `TuningError`.
    package init(
        peer: String, records: EncodedRecords, engine: TrainingEngine, origin: AdapterOrigin,
        settings: SwarmTopology.Tuning,
        seed: UInt64, lane: ComputeLane, listener: (@Sendable (TuningStep) -> Void)? = nil
    ) throws(TuningError) {
        precondition(engine.schema == origin.schema, "engine and origin are of one adapter")
        do throws(RecordsError) {
            try records.check(
                peer: peer, cutoff: settings.cutoff, vocabularySize: engine.model.configuration.vocabularySize)
        } catch {
            throw .records(error)
        }
        self.peer = peer
        self.engine = engine
        self.origin = origin
        self.settings = settings.resolved(records: records.sequences.count)
        self.seed = seed
        self.listener = listener
        self.lane = lane
        sequences = records.sequences
        report = records.report
        sampleCount = records.sequences.count
        state = Mutex(
            TunerState(
                optimizer: AdamW(
                    count: origin.schema.count,
                    settings: AdamW.Settings(learningRate: settings.learningRate, weightDecay: settings.weightDecay)),
                sampler: BatchSampler(
                    count: records.sequences.count, batch: settings.recordsPerStep, seed: seed, stream: peer)))
    }

    /// Runs local steps on the lane. After an error, state and delta are those of before.
    package func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        guard request.delta.schema == schema, request.correction.map({ $0.schema == schema }) ?? true else {
            throw TuningError.foreignDelta
        }
        return try await lane.run { [self] in
            try state.withLock { state in
                // The work is done on a copy, so that an error leaves the state as it was.
                var working = state
                let outcome = try steps(request, &working)
                state = working
                return outcome
            }
        }
    }

    package func snapshot() async throws -> [UInt8] {
        try await lane.run { [self] in
            state.withLock { TunerSnapshot.encode($0, fingerprint: fingerprint) }
        }
    }

    package func restore(_ snapshot: [UInt8]) async throws {
        try await lane.run { [self] in
            try state.withLock { state in
                state = try TunerSnapshot.decode(snapshot, like: state, fingerprint: fingerprint)
            }
        }
    }

    /// What a snapshot must agree in with the trainer that takes it up.
    private var fingerprint: UInt64 {
        var hash = FNV1a()
        hash.add(schema.encoded)
        hash.add(Array("\(peer)|\(seed)|\(sampleCount)|\(settings.recordsPerStep)".utf8))
        return hash.value
    }
}

extension InstructionTuner {
    /// Takes the steps of one round; on the lane.
    func steps(_ request: TrainingRequest, _ state: inout TunerState) throws -> TrainingOutcome {
        var adapter = origin.adapter(of: request.delta)
        var lossSum = 0.0
        var tokens = 0
        let frozen = request.frozen
        let pull = ProximalTerm(weight: request.proximal, start: adapter)
        var tracked = request.correction.map { TrackedGradient(correction: $0, steps: request.steps) }
        for _ in 0..<request.steps {
            let step = try step(&adapter, &state, frozen: frozen, pull: pull, tracked: &tracked)
            lossSum += step.loss * Double(step.tokens)
            tokens += step.tokens
            listener?(step)
        }
        var outcome = TrainingOutcome(
            delta: origin.delta(of: adapter), loss: tokens == 0 ? 0 : lossSum / Double(tokens), tokens: tokens,
            records: request.steps * settings.recordsPerStep)
        outcome.gradient = tracked?.mean
        return outcome
    }

    /// - Parameters:
    ///   - frozen: what stays as it is, ascending.
    ///   - pull: what is added to the gradient; nil for nothing.
    ///   - tracked: takes down the gradient, and corrects it; nil where nobody tracks it.
    private func step(
        _ adapter: inout [Float], _ state: inout TunerState, frozen: [Range<Int>], pull: ProximalTerm?,
        tracked: inout TrackedGradient?
    ) throws -> TuningStep {
        // The optimiser counts over all rounds, and with it the schedule.
        let number = state.optimizer.step
        let rate =
            settings.learningRate
            * settings.schedule.factor(step: number, totalSteps: settings.totalSteps, warmup: settings.warmup)
        let batch = state.sampler.next().map { sequences[$0] }
        // By step, not drawn on from step to step: a restored trainer needs the step's number only.
        var dropout = SeededGenerator(seed: seed, label: "dropout/\(peer)", index: UInt64(number))
        var result = try engine.lossAndGradients(sequences: batch, adapter: adapter, dropoutSeed: dropout.next())
        tracked?.take(&result.gradients)
        pull?.add(to: &result.gradients, at: adapter)
        for range in frozen { result.gradients.replaceSubrange(range, with: repeatElement(0, count: range.count)) }
        let norm = result.gradients.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
        guard result.lossSum.isFinite, norm.isFinite else {
            throw TuningError.notFinite(peer: peer, step: number, learningRate: rate)
        }
        let scale =
            settings.clipNorm > 0
            ? AdamW.clippingScale(gradients: result.gradients, limit: settings.clipNorm) : 1
        state.optimizer.settings.learningRate = rate
        state.optimizer.update(&adapter, gradients: result.gradients, gradientScale: scale, frozen: frozen)
        return TuningStep(
            step: number, loss: result.meanLoss, tokens: result.tokenCount, learningRate: rate, gradientNorm: norm)
    }
}

/// One optimiser step, as it is reported to who listens.
package struct TuningStep: Sendable, Hashable {
    /// The step's number in the whole run, from zero.
    package var step: Int
    /// Mean negative log-likelihood per token that carried loss, before the step, with dropout; without the proximal term.
    package var loss: Double
    /// The tokens that carried loss.
    package var tokens: Int
    package var learningRate: Double
    /// The gradient's Euclidean norm before clipping, the proximal term in it; not a number where a trainer does not tell
    /// it.
    package var gradientNorm: Double

    package init(step: Int, loss: Double, tokens: Int, learningRate: Double, gradientNorm: Double) {
        self.step = step
        self.loss = loss
        self.tokens = tokens
        self.learningRate = learningRate
        self.gradientNorm = gradientNorm
    }
}

/// Why tuning or measuring cannot go on.
package enum TuningError: Error, Equatable, CustomStringConvertible {
    /// A setting makes no sense.
    case badSettings(String)
    /// A peer's records cannot be trained on.
    case records(RecordsError)
    /// A delta belongs to another adapter.
    case foreignDelta
    /// A loss or a gradient is not a finite number.
    case notFinite(peer: String, step: Int, learningRate: Double)
    /// A snapshot is damaged or of another trainer.
    case badSnapshot(String)

    package var description: String {
        switch self {
        case .badSettings(let reason): reason
        case .records(let error): error.description
        case .foreignDelta:
            "the delta belongs to another adapter: model, rank and target modules must be those of the swarm"
        case .notFinite(let peer, let step, let rate):
            "\(peer): the loss of step \(step) is not a finite number at learning rate \(rate); lower the learning rate"
        case .badSnapshot(let reason): "the trainer's saved state cannot be used: \(reason)"
        }
    }
}

extension SwarmTopology.Tuning.Schedule {
    /// What the highest learning rate is multiplied with at `step`, counted from zero: `(step + 1) / warmup` during the
    /// warm-up, then by the schedule. Linear goes on a line, cosine on half a cosine to zero, which they would reach after
    /// the last step. Steps beyond the run count as the last.
    package func factor(step: Int, totalSteps: Int, warmup: Int) -> Double {
        precondition(step >= 0 && warmup >= 0, "steps are counted from zero")
        if step < warmup { return Double(step + 1) / Double(warmup) }
        let length = max(1, totalSteps - warmup)
        let progress = Double(min(step - warmup, length - 1)) / Double(length)
        return switch self {
        case .constant: 1
        case .linear: 1 - progress
        case .cosine: 0.5 * (1 + cos(Double.pi * progress))
        }
    }
}
