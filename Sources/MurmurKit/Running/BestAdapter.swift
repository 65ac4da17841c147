import Adapters
import Federation
import Foundation
import Observability

/// The PEFT directory with the adapter that has the least loss on the validation part, beside the last one.
struct BestAdapterFile: Sendable {
    let path: String
    let provenance: AdapterProvenance
    /// How many records the validation part has.
    let records: Int

    /// Writes `adapter`; nil where no model belongs to it. A disk that refuses ends nothing.
    ///
    /// - Parameter progress: what is known of this adapter in particular.
    func write(_ adapter: PEFTAdapter?, loss: Double, progress: [(name: String, value: String)]) {
        guard let adapter else { return }
        do {
            try provenance.write(
                adapter, to: path, progress: progress,
                metrics: [.validation(loss, records: records)])
        } catch {
            Terminal.note("murmur: the best adapter so far could not be written to \(path): \(error)")
        }
    }
}

extension ModelCard.Metric {
    static func validation(_ loss: Double, records: Int) -> Self {
        Self(
            name: "validation loss, nats a token", value: Readable.number(loss),
            support: "\(records) records of this peer that it did not train on")
    }
}

extension ValidationFinding {
    /// As a peer tells it.
    var event: PeerEvent.Kind { .validated(round: round, loss: loss, best: isBest, final: isFinal) }
}

/// `validation` in a peer's `summary.json` (docs/formats.md).
struct ValidationSummary: Encodable, Sendable {
    private let records: Int
    private let loss: Double?
    private let bestLoss: Double?
    private let bestRound: Int?
    private let best: String?

    private enum CodingKeys: String, CodingKey {
        case records, loss, best
        case bestLoss = "best_loss"
        case bestRound = "best_round"
    }

    /// What `trainer` has found.
    ///
    /// - Parameter path: where the best adapter lies.
    init(_ trainer: ValidatingTrainer, best path: String) {
        let findings = trainer.findings
        records = trainer.records
        loss = findings.last.flatMap { $0.isFinite ? $0 : nil }
        bestLoss = findings.best
        bestRound = findings.best == nil ? nil : findings.bestPlace
        best = FileManager.default.fileExists(atPath: path + "/adapter_config.json") ? path : nil
    }

    /// What the card of the final adapter says of it; of another adapter with the loss `other`. Nil where nothing was
    /// measured.
    func metric(of other: Double? = nil) -> ModelCard.Metric? {
        (other ?? loss).map { .validation($0, records: records) }
    }

    /// The result in a sentence; nil where nothing was measured.
    func sentence(rounds: Int) -> String? {
        guard let bestLoss, let bestRound else { return nil }
        let last = loss.map { " (the last one has \(Readable.number($0)))" } ?? ""
        let place = bestRound >= rounds ? "the final adapter" : "the adapter after \(bestRound) of \(rounds) rounds"
        return "On \(records) validation records \(place) is the best, with a loss of \(Readable.number(bestLoss))"
            + last + (best.map { "; it is in \($0)" } ?? "") + "."
    }
}
