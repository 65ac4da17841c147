package import Adapters
package import Basics

/// A trainer that writes down what another returns.
package struct RecordingTrainer: AdapterTrainer {
    private let base: any AdapterTrainer
    private let now: (@Sendable () -> MonotonicTime)?
    private let write: @Sendable ([UInt8]) -> Void

    /// Writes down what `base` returns.
    ///
    /// - Parameters:
    ///   - now: the clock that the steps are timed by; nil to leave their durations out.
    ///   - write: takes the bytes of an entry (`TrainingRecording.encoded(_:)`). The recording's head is the caller's to
    ///     write, once in a file.
    package init(
        _ base: any AdapterTrainer, now: (@Sendable () -> MonotonicTime)?, write: @escaping @Sendable ([UInt8]) -> Void
    ) {
        self.base = base
        self.now = now
        self.write = write
    }

    package var schema: AdapterSchema { base.schema }
    package var sampleCount: Int { base.sampleCount }

    package func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        let begin = now?()
        let outcome = try await base.train(request)
        let duration = begin.flatMap { begin in now.map { $0() - begin } } ?? .zero
        write(
            TrainingRecording.encoded(
                TrainingRecording.Entry(
                    round: request.round, start: WordHash.of(request.delta.values), values: outcome.delta.values,
                    change: zip(outcome.delta.values, request.delta.values).map { $0 - $1 }, loss: outcome.loss,
                    tokens: outcome.tokens, records: outcome.records, duration: duration)))
        return outcome
    }

    package func snapshot() async throws -> [UInt8] { try await base.snapshot() }

    package func restore(_ snapshot: [UInt8]) async throws { try await base.restore(snapshot) }
}

/// Plays the recording of one peer back.
package struct RecordedTrainer: AdapterTrainer {
    private let recording: TrainingRecording

    package init(_ recording: TrainingRecording) {
        self.recording = recording
    }

    package var schema: AdapterSchema { recording.schema }
    package var sampleCount: Int { recording.sampleCount }

    package func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        guard request.correction == nil else {
            throw RecordingMismatch(
                description: "\(recording.peer)'s recording has no gradients, which exchange.tracking needs")
        }
        guard let entry = recording.entry(round: request.round, start: WordHash.of(request.delta.values)) else {
            throw RecordingMismatch(
                description: "\(recording.peer) has no recording of round \(request.round)")
        }
        return entry.outcome(of: request)
    }

    package func snapshot() async throws -> [UInt8] { [] }

    package func restore(_ snapshot: [UInt8]) async throws {}
}

/// Recordings that do not fit each other, or what is asked of them.
package struct RecordingMismatch: Error, CustomStringConvertible {
    package let description: String

    package init(description: String) {
        self.description = description
    }
}
