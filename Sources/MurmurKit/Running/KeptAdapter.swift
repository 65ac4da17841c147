package import Adapters
import Federation
import Foundation
import Observability
package import SwarmFile
import Synchronization

/// Which adapter a peer keeps at the end: the common one, or its own where that is better on its validation part
/// (`data.keep-own`). Part of the peer's `summary.json`.
package struct KeptAdapter: Encodable, Sendable, Equatable {
    /// The losses on one kind of records of which the common adapter has more.
    package struct Worse: Encodable, Sendable, Equatable {
        package let category: String
        package let records: Int
        package let own: Double
        package let common: Double
    }

    package let rule: String
    package let records: Int
    /// Mean losses in nats a response token; nil where one is not finite.
    package let own: Double?
    package let common: Double?
    /// Categories in which the common adapter has more loss, in their order.
    package let worse: [Worse]
    /// Whether the own adapter is kept.
    package let keepsOwn: Bool

    private enum CodingKeys: String, CodingKey {
        case rule, records, own, common, worse
        case keepsOwn = "keeps_own"
    }

    /// What `rule` says to these losses: of the own adapter, then of the common one.
    package init(_ rule: SwarmTopology.Data.KeepOwn, _ losses: ProbedLosses) {
        precondition(losses.losses.count == 2, "two adapters are compared")
        func isWorse(_ losses: [Double]) -> Bool {
            // An adapter whose loss is no number is worse than any other.
            losses[0].isFinite && !(losses[1] <= losses[0])
        }
        self.rule = rule.rawValue
        records = losses.records
        own = losses.losses[0].isFinite ? losses.losses[0] : nil
        common = losses.losses[1].isFinite ? losses.losses[1] : nil
        worse = losses.categories.filter { isWorse($0.losses) }.map {
            Worse(category: $0.name, records: $0.records, own: $0.losses[0], common: $0.losses[1])
        }
        keepsOwn =
            switch rule {
            case .never: false
            case .worse: isWorse(losses.losses)
            case .worseInACategory: isWorse(losses.losses) || !worse.isEmpty
            }
    }

    /// The result in a sentence.
    var sentence: String {
        let figures =
            "on \(records) validation records the common adapter has a loss of \(Readable.number(common)) and the own "
            + "one " + Readable.number(own)
        let places =
            worse.isEmpty
            ? ""
            : "; it is worse in " + worse.prefix(8).map { "\($0.category) (\($0.records))" }.joined(separator: ", ")
                + (worse.count > 8 ? " and \(worse.count - 8) more" : "")
        return keepsOwn
            ? "Its own adapter is kept: \(figures)\(places)."
            : "The common adapter is kept: \(figures)\(places)."
    }

    /// As a peer tells it.
    var event: PeerEvent.Kind {
        .adapterKept(
            own: keepsOwn, records: records, ownLoss: own ?? .nan, commonLoss: common ?? .nan,
            worse: worse.prefix(32).map(\.category))
    }
}

/// Decides at the end of a run which adapter a peer keeps, and writes it: the one that is kept into `adapter/`, the
/// common one into `common/` beside it where that is not it.
final class AdapterKeeper: Sendable {
    private let rule: SwarmTopology.Data.KeepOwn
    private let trainer: ValidatingTrainer
    private let commonPath: String
    private let decision = Mutex<KeptAdapter?>(nil)
    private let listener = Mutex<(@Sendable (PeerEvent.Kind) -> Void)?>(nil)

    /// - Parameter folder: the peer's, which receives `common/` when the own adapter is kept.
    init(_ rule: SwarmTopology.Data.KeepOwn, _ trainer: ValidatingTrainer, folder: URL) {
        self.rule = rule
        self.trainer = trainer
        commonPath = folder.appendingPathComponent("common").path
    }

    /// What was decided; nil before the end, and where nothing could be compared.
    var kept: KeptAdapter? { decision.withLock { $0 } }

    /// Tells `listener` what is decided.
    func begin(_ listener: @escaping @Sendable (PeerEvent.Kind) -> Void) { self.listener.withLock { $0 = listener } }

    /// Compares `common` with the peer's own adapter, after `file` has received the common one.
    ///
    /// - Parameter adapter: what a delta makes, ready for PEFT.
    func decide(
        common: AdapterDelta, file: AdapterFile, adapter: @Sendable (AdapterDelta) -> PEFTAdapter?
    ) async {
        try? FileManager.default.removeItem(atPath: commonPath)
        guard let own = trainer.ownAdapter else { return }
        do {
            let kept = KeptAdapter(rule, try await trainer.validator.losses(of: [own, common]))
            if kept.keepsOwn, let agreed = adapter(common) {
                // In this order: a peer that is killed in between has the common adapter twice.
                try file.provenance.write(
                    agreed, to: commonPath, progress: [("Adapter", "what the swarm agreed on; the peer keeps its own")])
                file.write(
                    adapter(own),
                    progress: [("Adapter", "the peer's own, not what the swarm agreed on. \(kept.sentence)")])
            }
            decision.withLock { $0 = kept }
            listener.withLock { $0 }?(kept.event)
        } catch {
            Terminal.note("murmur: the common adapter was not compared with the peer's own, and is kept: \(error)")
        }
    }
}
