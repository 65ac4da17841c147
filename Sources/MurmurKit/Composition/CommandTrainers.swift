package import Adapters
package import Federation
import Foundation
package import InstructionTuning
import LanguageModel
package import SwarmFile

/// Trainers in processes of their own: the topology's model and data, tuned by a command that speaks the protocol of
/// docs/trainers.md. The model's weights are not read here.
package struct CommandTrainers: TrainerFactory {
    package let schema: AdapterSchema
    package let baseModelDigest: [UInt8]
    private let outline: ModelOutline
    private let partition: DataPartition
    private let command: SwarmTopology.TrainerCommand
    private let threads: Int
    private let folder: String
    private let stepped: (@Sendable (TuningStep) -> Void)?

    /// - Parameters:
    ///   - folder: where scratch files and logs lie; nil for the system's folder of temporary files.
    ///   - stepped: called after every local step.
    package init(
        _ topology: SwarmTopology, _ partition: DataPartition, _ command: SwarmTopology.TrainerCommand, threads: Int,
        folder: String? = nil, stepped: (@Sendable (TuningStep) -> Void)? = nil
    ) throws {
        guard topology.residualRank == 0 else {
            throw CommandFailure(
                "exchange.factors: product-residual goes with trainer: built-in only: a trainer of its own would train the "
                    + "residual too; give product")
        }
        outline = try ModelOutline(topology)
        self.partition = partition
        self.command = command
        self.threads = threads
        self.folder =
            URL(
                fileURLWithPath: folder
                    ?? FileManager.default.temporaryDirectory
                    .appendingPathComponent("murmur-trainer-\(ProcessInfo.processInfo.processIdentifier)").path
            ).standardizedFileURL.path
        self.stepped = stepped
        schema = outline.origin.schema
        baseModelDigest = try ModelComposition.baseModelDigest(directory: outline.modelDirectory)
    }

    package func trainer(of name: String) throws -> any AdapterTrainer { try commandTrainer(of: name) }

    private func commandTrainer(of name: String) throws -> CommandTrainer {
        guard let part = partition.part(of: name) else { throw CommandFailure("\(name) has no records") }
        let topology = outline.topology
        let place = partition.peers.count == 1 ? folder : "\(folder)/\(name)"
        let records = try outline.encode(part.records, of: name)
        let job = TrainerJob(
            peer: name, modelPath: outline.modelDirectory, modelDigest: baseModelDigest, lora: topology.carriedAdapter,
            tuning: topology.tuning.resolved(records: records.sequences.count),
            tracksGradients: topology.exchange.tracking, seed: topology.swarm.seed,
            threads: threads, origin: outline.origin,
            records: records,
            heldOut: EncodedRecords(partition.heldOut, with: outline.encoder.forResponses).sequences,
            validation: try outline.encode(validationOf: part), gainLimit: topology.exchange.gainRecords,
            files: TrainerFiles(folder: place + "/trainer"))
        return CommandTrainer(job, command, log: place + "/trainer.log", listener: stepped)
    }

    /// A trainer of its own tells one loss of all records: there are no categories.
    package func validator(
        of name: String, _ trainer: any AdapterTrainer, on choice: ValidationChoice
    ) throws -> Validator? {
        guard let trainer = trainer as? CommandTrainer, trainer.validationCount > 0 else { return nil }
        let count = trainer.recordCount(of: choice)
        return Validator(records: count, loss: { try await trainer.validate($0, on: choice) ?? .nan })
    }

    package func data(of trainer: any AdapterTrainer) -> PeerEvent.Kind? {
        guard let trainer = trainer as? CommandTrainer else { return nil }
        let report = trainer.report
        return .trainsOn(
            records: trainer.sampleCount,
            tokens: outline.topology.tuning.trainOnInputs ? report.tokens : report.responseTokens,
            truncated: report.truncated, leftOut: report.withoutResponse, heldOut: partition.heldOut.count)
    }

    package func losses(of deltas: [AdapterDelta?]) async throws -> [MeasuredLoss?] {
        guard let first = partition.peers.first else { return deltas.map { _ in nil } }
        let trainer = try commandTrainer(of: first.name)
        var losses: [MeasuredLoss?] = []
        do {
            for delta in deltas {
                guard let delta else {
                    losses.append(nil)
                    continue
                }
                let loss = try await trainer.evaluate(delta)
                losses.append(loss.map { MeasuredLoss(loss: $0, records: trainer.heldOutCount) })
            }
        } catch {
            await trainer.end()
            throw error
        }
        await trainer.end()
        return losses
    }

    package func settings(of name: String) throws -> TrainerSettings {
        var settings = try ModelComposition.trainerSettings(
            of: name, outline.topology, partition, directory: outline.modelDirectory)
        // A state of the one optimiser is none of the other's.
        settings.own.append(.init("trainer", "command"))
        return settings
    }

    package func adapter(of delta: AdapterDelta) -> PEFTAdapter? { outline.adapter(of: delta) }
}
