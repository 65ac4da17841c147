package import Adapters
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
    /// The peer's name.
    package let peer: String

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
        guard !records.sequences.isEmpty else {
            throw .noRecords(peer: peer, given: records.report.records, cutoff: settings.cutoff)
        }
        try records.check(vocabularySize: engine.model.configuration.vocabularySize)
        self.peer = peer
        self.engine = engine
        self.origin = origin
        self.settings = settings
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
        guard request.delta.schema == schema else { throw TuningError.foreignDelta }
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
        var hash = Fingerprint()
        hash.add(schema.encoded)
        hash.add(Array("\(peer)|\(seed)|\(sampleCount)|\(settings.recordsPerStep)".utf8))
        return hash.value
    }
}
