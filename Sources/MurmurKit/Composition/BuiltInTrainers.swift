package import Adapters
package import Federation
package import InstructionTuning
import LinearAlgebra
package import SwarmFile

/// The built-in engine's trainers: tuners of a composition's model, each on its peer's part of the data.
package struct BuiltInTrainers: TrainerFactory {
    /// Where trainers compute.
    package enum Placement: Sendable, Hashable {
        /// On a lane of its own with so many threads: the only trainer of its process.
        case alone(threads: Int)
        /// On the machine's lanes, which all trainers of the process share.
        case shared
    }

    package let schema: AdapterSchema
    package let baseModelDigest: [UInt8]
    private let composition: ModelComposition
    private let partition: DataPartition
    private let placement: Placement
    private let stepped: (@Sendable (TuningStep) -> Void)?

    /// - Parameter stepped: called after every local step, on the trainer's lane.
    package init(
        _ composition: ModelComposition, _ partition: DataPartition, placement: Placement,
        stepped: (@Sendable (TuningStep) -> Void)? = nil
    ) throws {
        self.stepped = stepped
        self.composition = composition
        self.partition = partition
        self.placement = placement
        schema = composition.workbench.origin.schema
        baseModelDigest = try composition.baseModelDigest()
    }

    package func trainer(of name: String) throws -> any AdapterTrainer {
        let (place, part) = try part(of: name)
        let tuner =
            switch placement {
            case .alone(let threads):
                try composition.workbench.tuner(
                    peer: name, records: part.records, lane: ComputeLane(), threads: threads, listener: stepped)
            case .shared:
                try composition.workbench.tuner(
                    peer: name, records: part.records, lane: .shared(for: place), listener: stepped)
            }
        composition.warn(of: tuner.report)
        return tuner
    }

    package func validator(
        of name: String, _ trainer: any AdapterTrainer, on choice: ValidationChoice
    ) throws -> Validator? {
        let (place, part) = try part(of: name)
        let limit = choice == .gains ? composition.topology.exchange.gainRecords : .max
        let records = part.validation.spread(over: limit)
        guard !records.isEmpty else { return nil }
        var options = Evaluator.Options(generates: false)
        options.name = part.validationName
        let lane: ComputeLane
        switch placement {
        case .alone(let threads):
            lane = ComputeLane()
            options.threads = threads
        case .shared:
            lane = .shared(for: place)
        }
        let workbench = composition.workbench
        let evaluator = try workbench.evaluator(records: records, lane: lane, options: options)
        return .byCategory(records: evaluator.records.count) {
            try await evaluator.evaluate(adapter: workbench.origin.adapter(of: $0))
        }
    }

    package func data(of trainer: any AdapterTrainer) -> PeerEvent.Kind? {
        guard let tuner = trainer as? InstructionTuner else { return nil }
        let report = tuner.report
        return .trainsOn(
            records: tuner.sampleCount,
            tokens: composition.topology.tuning.trainOnInputs ? report.tokens : report.responseTokens,
            truncated: report.truncated, leftOut: report.withoutResponse, heldOut: partition.heldOut.count)
    }

    private func part(of name: String) throws -> (place: Int, part: DataPartition.Part) {
        guard let place = partition.peers.firstIndex(where: { $0.name == name }) else {
            throw CommandFailure("\(name) has no records")
        }
        return (place, partition.peers[place])
    }

    /// A record costs what it has of tokens.
    package func profile(of name: String) throws -> TrainerProfile {
        let encoded = EncodedRecords(try part(of: name).part.records, with: composition.workbench.encoder)
        let count = encoded.sequences.count
        return TrainerProfile(sampleCount: count, cost: Double(encoded.report.tokens) / Double(max(1, count)))
    }

    package func losses(of deltas: [AdapterDelta?]) async throws -> [MeasuredLoss?] {
        try await composition.heldOutLosses(of: deltas, partition)
    }

    package func settings(of name: String) throws -> TrainerSettings {
        try ModelComposition.trainerSettings(
            of: name, composition.topology, partition, directory: composition.modelDirectory)
    }

    package func adapter(of delta: AdapterDelta) -> PEFTAdapter? { composition.adapter(of: delta) }
}

extension BuiltInTrainers {
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
            let request = TrainingRequest(
                round: round, steps: tuner.localSteps, delta: delta, residualRank: topology.residualRank)
            delta = try await tuner.train(request).delta
            _ = try await tuner.snapshot()
            durations.append(ContinuousClock.now - begin)
        }
        return durations.dropFirst().sorted()[2]
    }
}
