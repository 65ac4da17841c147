package import Adapters
import InstructionTuning
import LinearAlgebra
package import Recording
import Simulation
package import SwarmFile

/// The language model's trainers for all peers of a simulated swarm: what `murmur peer` trains with, on all cores.
package struct BuiltInTraining: SwarmTraining {
    package let schema: AdapterSchema
    package let baseModelDigest: [UInt8]
    package let sampleCounts: [Int]
    private let trainers: BuiltInTrainers
    private let composition: ModelComposition
    private let partition: DataPartition
    /// How long a round's local steps are said to take, a peer.
    private let durations: [Duration]
    private let recordings: RecordingFolder?

    /// Trainers for the model and the data that `topology` names.
    ///
    /// - Parameter mean: how long local steps take on average over the peers: each takes as long as its records have
    ///   tokens.
    package init(_ topology: SwarmTopology, mean: Duration, recordings: RecordingFolder? = nil) throws {
        composition = try ModelComposition(topology)
        partition = try ModelComposition.partition(topology)
        trainers = try BuiltInTrainers(composition, partition, placement: .shared)
        schema = trainers.schema
        baseModelDigest = trainers.baseModelDigest
        self.recordings = recordings
        var counts: [Int] = []
        var lengths: [Double] = []
        for part in partition.peers {
            let encoded = EncodedRecords(part.records, with: composition.workbench.encoder)
            counts.append(encoded.sequences.count)
            lengths.append(Double(encoded.report.tokens) / Double(max(1, encoded.sequences.count)))
        }
        sampleCounts = counts
        let average = lengths.reduce(0, +) / Double(lengths.count)
        durations = lengths.map { min(mean * ($0 / max(average, 1)), .seconds(1_000_000)) }
        try recordings?.begin(
            zip(partition.peers, counts).map { [schema, baseModelDigest] part, count in
                TrainingRecording(
                    peer: part.name, sampleCount: count, baseModelDigest: baseModelDigest, schema: schema)
            })
    }

    package func trainer(of peer: Int) throws -> any AdapterTrainer {
        let name = partition.peers[peer].name
        let trainer = try trainers.trainer(of: name)
        guard let recordings else { return trainer }
        return RecordingTrainer(trainer, now: nil) { recordings.append($0, of: name) }
    }

    package func duration(of request: TrainingRequest, peer: Int) -> Duration { durations[peer] }

    package func losses(of finals: [AdapterDelta?]) async throws -> [Double?] {
        try await composition.heldOutLosses(of: finals, partition)
    }

    /// How long the local steps of a round really take on this machine, by the first peer alone on a core: the median of
    /// five rounds after one.
    package static func pace(_ topology: SwarmTopology) async throws -> Duration {
        let composition = try ModelComposition(topology)
        let part = try ModelComposition.partition(topology).peers[0]
        let tuner = try composition.workbench.tuner(peer: part.name, records: part.records, lane: ComputeLane())
        var delta = AdapterDelta(zeroOf: tuner.schema)
        var durations: [Duration] = []
        for round in 0..<6 {
            let begin = ContinuousClock.now
            let request = TrainingRequest(round: round, steps: topology.tuning.localSteps, delta: delta)
            delta = try await tuner.train(request).delta
            _ = try await tuner.snapshot()
            durations.append(ContinuousClock.now - begin)
        }
        return durations.dropFirst().sorted()[2]
    }
}
