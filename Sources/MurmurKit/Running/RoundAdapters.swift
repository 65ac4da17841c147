import Adapters
import Foundation
import Synchronization

/// The adapters that mixing made in the rounds with training, side by side: what Shepherd keeps as the global adapter of
/// each round, as this peer has it. What the last round led to is the run's adapter, which is not kept twice.
final class RoundAdapters: Sendable {
    private let folder: URL
    private let rounds: Int
    private let provenance: AdapterProvenance
    private let known = Mutex((kept: Set<Int>(), hasTold: false))

    /// - Parameter folder: the peer's folder, which receives `rounds/0001/` and so on.
    init(in folder: URL, _ rounds: Int, _ provenance: AdapterProvenance) {
        self.folder = folder.appendingPathComponent("rounds", isDirectory: true)
        self.rounds = rounds
        self.provenance = provenance
    }

    /// Keeps `adapter`, which `count` rounds led to, unless it is there. A disk that refuses ends nothing.
    func keep(_ adapter: PEFTAdapter, after count: Int) {
        guard (1..<rounds).contains(count), known.withLock({ $0.kept.insert(count).inserted }) else { return }
        let digits = "\(count)"
        let place = folder.appendingPathComponent(String(repeating: "0", count: max(0, 4 - digits.count)) + digits)
        do {
            try provenance.write(adapter, to: place.path, progress: [("After rounds", "\(count) of \(rounds)")])
        } catch {
            let isNews = known.withLock { known in
                known.kept.remove(count)
                defer { known.hasTold = true }
                return !known.hasTold
            }
            if isNews { Terminal.note("murmur: the adapter of round \(count) could not be written: \(error)") }
        }
    }
}

/// A trainer that hands over the adapter which each round begins with, before it takes the steps of another one.
///
/// Where rounds are short, the next one's checkpoint takes the place of one that is not on the disk yet: checkpoints alone
/// would leave rounds out.
struct RoundKeepingTrainer: AdapterTrainer {
    private let base: any AdapterTrainer
    private let keep: @Sendable (AdapterDelta, _ round: Int) -> Void

    init(_ base: any AdapterTrainer, _ keep: @escaping @Sendable (AdapterDelta, _ round: Int) -> Void) {
        self.base = base
        self.keep = keep
    }

    var schema: AdapterSchema { base.schema }
    var sampleCount: Int { base.sampleCount }

    func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        keep(request.delta, request.round)
        return try await base.train(request)
    }

    func snapshot() async throws -> [UInt8] { try await base.snapshot() }

    func restore(_ snapshot: [UInt8]) async throws { try await base.restore(snapshot) }

    func begin() async throws { try await base.begin() }

    func end() async { await base.end() }
}
