package import Wire

/// Where a peer's process keeps what the next one goes on from. The real one is `CheckpointStore`.
package protocol PeerStore: Sendable {
    /// What is there.
    func stored() -> StoredState
    /// Makes the checkpoint durable; what went wrong, or nil. Not on the caller's executor where that takes time.
    func keep(_ checkpoint: PeerCheckpoint) async -> String?
    /// Makes durable what the protocol must not forget; what went wrong, or nil.
    func keep(_ memory: EndpointMemory) async -> String?
}

extension CheckpointStore: PeerStore {
    package func stored() -> StoredState {
        let (checkpoint, checkpointProblems) = load()
        let (memory, memoryProblems) = loadMemory()
        return StoredState(checkpoint: checkpoint, memory: memory, problems: checkpointProblems + memoryProblems)
    }

    @concurrent package func keep(_ checkpoint: PeerCheckpoint) async -> String? {
        do {
            try save(checkpoint)
            return nil
        } catch {
            return "\(error)"
        }
    }

    @concurrent package func keep(_ memory: EndpointMemory) async -> String? {
        do {
            try save(memory)
            return nil
        } catch {
            return "\(error)"
        }
    }
}
