package import Adapters
import Basics

/// What one peer's trainer returned, round after round: recorded in a run of real peers, or of a simulated swarm with the
/// real engine, and played back by the simulator without an engine.
package struct TrainingRecording: Sendable, Equatable {
    /// The local steps of one round.
    package struct Entry: Sendable, Equatable {
        /// The round, counted from zero.
        package var round: Int
        /// The digest of the values that the steps began with (`WordHash`).
        package var start: UInt64
        /// Where they led, `count` values.
        package var values: [Float]
        /// By how much they changed the adapter, `count` values: what is played back where they begin elsewhere.
        package var change: [Float]
        /// The mean loss over the steps, as `TrainingOutcome` has it.
        package var loss: Double
        /// Tokens that carried loss.
        package var tokens: Int
        /// Records used.
        package var records: Int
        /// How long the steps took; zero where that was not measured.
        package var duration: Duration

        package init(
            round: Int, start: UInt64, values: [Float], change: [Float], loss: Double, tokens: Int, records: Int,
            duration: Duration
        ) {
            self.round = round
            self.start = start
            self.values = values
            self.change = change
            self.loss = loss
            self.tokens = tokens
            self.records = records
            self.duration = duration
        }
    }

    /// The file's name in a peer's folder.
    package static let fileName = "training.recording"

    /// The peer's name.
    package var peer: String
    /// How many records it holds.
    package var sampleCount: Int
    /// The digest of the base model, 32 bytes.
    package var baseModelDigest: [UInt8]
    /// The adapter's tensors.
    package var schema: AdapterSchema
    /// In the order in which they were trained; a round that was trained again after a crash is in it twice.
    package var entries: [Entry] = []

    package init(peer: String, sampleCount: Int, baseModelDigest: [UInt8], schema: AdapterSchema) {
        precondition(baseModelDigest.count == 32, "a digest has 32 bytes")
        self.peer = peer
        self.sampleCount = sampleCount
        self.baseModelDigest = baseModelDigest
        self.schema = schema
    }

    /// What was recorded for `round`: the last entry that begins with the values whose digest is `start`, else the last.
    package func entry(round: Int, start: UInt64) -> Entry? {
        entries.last { $0.round == round && $0.start == start } ?? entries.last { $0.round == round }
    }
}

extension TrainingRecording.Entry {
    /// What the trainer returns that is played back from `request`: exactly what was recorded where the steps begin as
    /// they did then, and the recorded change elsewhere.
    package func outcome(of request: TrainingRequest) -> TrainingOutcome {
        let isAsRecorded = WordHash.of(request.delta.values) == start
        let delta = AdapterDelta(
            schema: request.delta.schema,
            values: isAsRecorded ? values : zip(request.delta.values, change).map { $0 + $1 })
        return TrainingOutcome(delta: delta, loss: loss, tokens: tokens, records: records)
    }
}
