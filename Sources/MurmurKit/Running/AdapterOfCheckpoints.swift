import Adapters
import Federation
import Foundation
import Synchronization
import Wire

/// A peer's store that leaves, beside each checkpoint, the adapter that it holds: a run that stops or is killed leaves
/// something to use.
final class AdapterOfCheckpoints: PeerStore {
    private let base: CheckpointStore
    private let path: String
    private let rounds: RoundAdapters?
    private let adapter: @Sendable (AdapterDelta) -> PEFTAdapter?
    private let state = Mutex((isOver: false, hasTold: false))

    /// - Parameters:
    ///   - path: the PEFT directory that is written.
    ///   - rounds: where the adapter of each round is kept; nil for nowhere.
    ///   - adapter: the adapter of a delta; nil where no model belongs to it.
    init(
        _ base: CheckpointStore, path: String, rounds: RoundAdapters? = nil,
        adapter: @escaping @Sendable (AdapterDelta) -> PEFTAdapter?
    ) {
        self.base = base
        self.path = path
        self.rounds = rounds
        self.adapter = adapter
    }

    func stored() -> StoredState { base.stored() }

    @concurrent func keep(_ checkpoint: PeerCheckpoint) async -> String? {
        let failure = await base.keep(checkpoint)
        // The final one has a place of its own.
        guard failure == nil, !checkpoint.isFinished, !state.withLock({ $0.isOver }) else { return failure }
        guard let adapter = adapter(checkpoint.delta) else { return nil }
        do {
            try PEFTDirectory.write(adapter, to: path)
            rounds?.keep(adapter, after: checkpoint.round)
        } catch {
            let isNews = state.withLock { state in
                defer { state.hasTold = true }
                return !state.hasTold
            }
            if isNews { Terminal.note("murmur: the adapter of the checkpoint could not be written: \(error)") }
        }
        return nil
    }

    func keep(_ memory: EndpointMemory) async -> String? { await base.keep(memory) }

    /// The final adapter is written: that of the last checkpoint is of no use any more.
    func end() {
        state.withLock { $0.isOver = true }
        try? FileManager.default.removeItem(atPath: path)
    }
}
