import Adapters
import Federation
import Foundation
import InstructionTuning
import Observability
import Recording
import SwarmFile

/// What a peer measures of its adapters, beside taking part.
extension PeerRun {
    /// Where the adapter with the least validation loss is.
    var bestPath: String { folder.appendingPathComponent("best").path }

    /// The trainer that measures what came from neighbours, where the swarm wants to know who gains from whom.
    func probed(
        _ trainer: any AdapterTrainer, by trainers: any TrainerFactory
    ) throws -> any AdapterTrainer {
        guard swarm.topology.exchange.gain != nil else { return trainer }
        guard let validator = try trainers.validator(of: name, trainer, on: .gains) else {
            // The toy measures by its own loss.
            if !(trainer is QuadraticTrainer) {
                Terminal.note("murmur: \(name) has no validation part: it does not measure what it gains")
            }
            return trainer
        }
        return ProbingTrainer(trainer, validator)
    }

    /// Who chooses between the common adapter and the peer's own; nil where it takes the common one.
    func chooser(_ validating: ValidatingTrainer) -> AdapterKeeper? {
        let rule = swarm.topology.data.keepOwn
        guard rule != .never else { return nil }
        return AdapterKeeper(rule, validating, folder: folder)
    }

    /// The trainer around `base` that measures on the peer's validation part and leaves the best adapter; nil where
    /// there is no such part. `trainer` is the one at the bottom of it.
    func validated(
        _ base: any AdapterTrainer, of trainer: any AdapterTrainer, by trainers: any TrainerFactory
    ) throws -> ValidatingTrainer? {
        guard let validator = try trainers.validator(of: name, trainer, on: .whole) else { return nil }
        let best = BestAdapterFile(
            path: bestPath, provenance: provenance(of: trainers, records: trainer.sampleCount),
            records: validator.records)
        let rounds = swarm.topology.tuning.rounds
        let keepsOwn = swarm.topology.data.keepOwn != .never
        return ValidatingTrainer(base, validator, keepsOwn: keepsOwn) { delta, finding in
            let place = finding.isFinal ? "all \(rounds)" : "\(finding.round) of \(rounds)"
            best.write(trainers.adapter(of: delta), loss: finding.loss, progress: [("After rounds", place)])
        }
    }

    /// The loss of the adapter that the peer keeps on the records that nobody trains on; nil where that is not asked for,
    /// there are no such records, or it cannot be measured, which is said.
    func heldOutLoss(of kept: AdapterDelta?, _ trainers: any TrainerFactory) async throws -> MeasuredLoss? {
        guard measuresHeldOut, let kept else { return nil }
        do {
            let loss = try await trainers.losses(of: [kept]).first ?? nil
            if loss == nil { Terminal.note("murmur: \(name) has no held-out records: its adapter is not measured") }
            return loss
        } catch {
            Terminal.note("murmur: the adapter was not measured on the held-out records: \(error)")
            return nil
        }
    }

    /// What was measured of the adapter that the peer keeps, for its card.
    func metrics(
        _ heldOut: MeasuredLoss?, _ validation: ValidationSummary?, _ choice: KeptAdapter?
    ) -> [ModelCard.Metric] {
        let own = choice.flatMap { $0.keepsOwn ? $0.own : nil }
        return [validation?.metric(of: own), heldOut.map { .heldOut($0) }].compactMap { $0 }
    }
}

extension ModelCard.Metric {
    static func heldOut(_ measured: MeasuredLoss) -> Self {
        Self(
            name: "held-out loss, nats a token", value: Readable.number(measured.loss),
            support: "\(measured.records) records that nobody trained on")
    }
}
