package import Adapters
import Basics
package import Recording

/// Plays recordings back: a swarm with the language model's adapters, and without the language model.
package struct RecordedTraining: SwarmTraining {
    package let schema: AdapterSchema
    package let baseModelDigest: [UInt8]
    private let recordings: [TrainingRecording]
    private let pace: Duration?
    private let fallback: Duration

    /// Plays `recordings` back, one a peer in the order of the topology.
    ///
    /// - Parameters:
    ///   - pace: how long local steps take, whatever was recorded; nil for what was recorded.
    ///   - fallback: how long they take where nothing was recorded.
    /// - Throws: `RecordingMismatch` where they are not of one swarm, or one is empty.
    package init(_ recordings: [TrainingRecording], pace: Duration?, fallback: Duration) throws {
        guard let first = recordings.first else { throw RecordingMismatch(description: "there are no recordings") }
        for recording in recordings {
            guard recording.schema == first.schema, recording.baseModelDigest == first.baseModelDigest else {
                throw RecordingMismatch(
                    description: "the recordings of \(first.peer) and \(recording.peer) are of other models or adapters"
                )
            }
            guard !recording.entries.isEmpty else {
                throw RecordingMismatch(description: "the recording of \(recording.peer) holds no round")
            }
        }
        schema = first.schema
        baseModelDigest = first.baseModelDigest
        self.recordings = recordings
        self.pace = pace
        self.fallback = fallback
    }

    package var sampleCounts: [Int] { recordings.map(\.sampleCount) }

    package func trainer(of peer: Int) throws -> any AdapterTrainer { RecordedTrainer(recordings[peer]) }

    package func duration(of request: TrainingRequest, peer: Int) -> Duration {
        if let pace { return pace }
        let entry = recordings[peer].entry(round: request.round, start: WordHash.of(request.delta.values))
        return entry.flatMap { $0.duration > .zero ? $0.duration : nil } ?? fallback
    }

    /// There is no model to measure by.
    package func losses(of finals: [AdapterDelta?]) async throws -> [Double?] { finals.map { _ in nil } }
}
