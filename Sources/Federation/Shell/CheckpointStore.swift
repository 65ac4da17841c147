package import Storage
package import Wire

/// The folder where a peer keeps its state: the newest checkpoint and the one before it.
///
/// A crash at any moment, also in the midst of writing, leaves one of them whole. A full disk fails the writing and
/// leaves what was there.
package struct CheckpointStore: Sendable {
    package let folder: String
    private let files: any FileSystem

    /// A store in `folder`, which is created when it is needed.
    package init(folder: String, files: any FileSystem = LocalFileSystem()) {
        self.folder = folder
        self.files = files
    }

    /// Makes `checkpoint` the newest and the newest the previous; on return it is durable. Throws `FileError`.
    package func save(_ checkpoint: PeerCheckpoint) throws(FileError) {
        var files = files
        try CheckpointFiles.save(checkpoint.encoded, in: folder, on: &files)
    }

    /// Removes all checkpoints; what the protocol must not forget stays. Throws `FileError`.
    package func removeCheckpoints() throws(FileError) {
        var files = files
        try CheckpointFiles.removeCheckpoints(in: folder, on: &files)
    }

    /// Keeps what the protocol must not forget, in a file of its own: it changes with every handshake. Throws `FileError`.
    package func save(_ memory: EndpointMemory) throws(FileError) {
        var files = files
        try CheckpointFiles.save(memory, in: folder, on: &files)
    }

    /// What the protocol must not forget, and a message where it was kept and cannot be read.
    package func loadMemory() -> (memory: EndpointMemory?, problems: [String]) {
        CheckpointFiles.loadMemory(from: folder, on: files)
    }

    /// The newest checkpoint that is whole, and a message about each that is not; nil without any.
    package func load() -> (checkpoint: PeerCheckpoint?, problems: [String]) {
        CheckpointFiles.load(from: folder, on: files)
    }
}

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
