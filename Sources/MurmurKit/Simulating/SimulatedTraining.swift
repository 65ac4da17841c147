package import Adapters
package import Recording
import Simulation

/// Any factory's trainers for all peers of a simulated swarm.
package struct SimulatedTraining: SwarmTraining {
    package let sampleCounts: [Int]
    private let trainers: any TrainerFactory
    private let names: [String]
    /// How long a round's local steps are said to take, a peer.
    private let durations: [Duration]
    private let recordings: RecordingFolder?
    private let measuresGains: Bool

    /// Trainers for the peers called `names`.
    ///
    /// - Parameters:
    ///   - mean: how long local steps take on average over the peers: each takes as long as its records cost.
    ///   - recordings: where what the trainers return is written down; nil for nowhere.
    ///   - measuresGains: whether what came from neighbours is measured where a round asks for it.
    package init(
        _ trainers: any TrainerFactory, names: [String], mean: Duration, recordings: RecordingFolder? = nil,
        measuresGains: Bool = false
    ) throws {
        self.measuresGains = measuresGains
        self.trainers = trainers
        self.names = names
        self.recordings = recordings
        let profiles = try names.map { try trainers.profile(of: $0) }
        sampleCounts = profiles.map(\.sampleCount)
        let average = profiles.reduce(0) { $0 + $1.cost } / Double(profiles.count)
        durations = profiles.map { min(mean * ($0.cost / max(average, 1)), .seconds(1_000_000)) }
        try recordings?.begin(
            zip(names, sampleCounts).map { name, count in
                TrainingRecording(
                    peer: name, sampleCount: count, baseModelDigest: trainers.baseModelDigest, schema: trainers.schema)
            })
    }

    package var schema: AdapterSchema { trainers.schema }
    package var baseModelDigest: [UInt8] { trainers.baseModelDigest }

    package func trainer(of peer: Int) throws -> any AdapterTrainer {
        let name = names[peer]
        let trainer = try probed(try trainers.trainer(of: name), of: name)
        guard let recordings else { return trainer }
        return RecordingTrainer(trainer, now: nil) { recordings.append($0, of: name) }
    }

    private func probed(_ trainer: any AdapterTrainer, of name: String) throws -> any AdapterTrainer {
        guard measuresGains, let validator = try trainers.validator(of: name, trainer, on: .gains) else {
            return trainer
        }
        return ProbingTrainer(trainer, validator)
    }

    package func duration(of request: TrainingRequest, peer: Int) -> Duration { durations[peer] }

    package func losses(of finals: [AdapterDelta?]) async throws -> [Double?] {
        try await trainers.losses(of: finals).map { $0?.loss }
    }
}
