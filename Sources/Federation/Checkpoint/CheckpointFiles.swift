package import Storage
package import Wire

/// How checkpoints lie in a peer's folder, on any file system: the newest, and the one before it.
///
/// A crash at any operation, with whatever part of the unsynchronised names and bytes surviving it, leaves one of them
/// whole; after `save` has returned it is the one that was saved.
package enum CheckpointFiles {
    private static func newest(_ folder: String) -> String { "\(folder)/checkpoint.bin" }
    private static func previous(_ folder: String) -> String { "\(folder)/checkpoint.previous.bin" }

    /// Makes the checkpoint that `bytes` encode the newest, and the newest the previous.
    ///
    /// The new one is durable under a name of its own before a name is changed. A newest that is damaged does not become
    /// the previous one: that would take the place of the only whole one.
    package static func save(
        _ bytes: [UInt8], in folder: String, on files: inout some FileSystem
    ) throws(FileError) {
        let (newest, previous) = (newest(folder), previous(folder))
        let partial = "\(folder)/.checkpoint.partial"
        let link = "\(folder)/.checkpoint.link"
        try files.createFolder(folder)
        do {
            try files.write(bytes, to: partial)
        } catch {
            // Room for others; what went wrong with the writing is what counts.
            try? files.remove(partial)
            throw error
        }
        // Not all of it at once: two checkpoints of a large adapter are much memory.
        var inspection = PeerCheckpoint.Inspection()
        if try files.forEachPiece(of: newest, { inspection.take($0) }), inspection.finish() {
            // Where an earlier process was killed between these.
            try files.remove(link)
            // A link, not a rename: the newest keeps its name until another takes it, so that a crash finds one at
            // every moment.
            try files.link(newest, as: link)
            try files.rename(link, to: previous)
        }
        try files.rename(partial, to: newest)
        // The bytes are durable since they were written; this makes the names so.
        try files.synchronise(folder: folder)
    }

    /// The newest checkpoint that is whole, and a message about each that is not; nil without any.
    package static func load(
        from folder: String, on files: some FileSystem
    ) -> (checkpoint: PeerCheckpoint?, problems: [String]) {
        var problems: [String] = []
        for path in [newest(folder), previous(folder)] {
            do {
                guard let bytes = try files.contents(of: path) else { continue }
                do {
                    return (try PeerCheckpoint(encoded: bytes), problems)
                } catch {
                    problems.append("\(path): \(error)")
                }
            } catch {
                problems.append("\(error)")
            }
        }
        return (nil, problems)
    }

    /// Removes all checkpoints; what the protocol must not forget stays.
    package static func removeCheckpoints(in folder: String, on files: inout some FileSystem) throws(FileError) {
        for path in [newest(folder), previous(folder)] { try files.remove(path) }
        try files.synchronise(folder: folder)
    }

    private static func memory(_ folder: String) -> String { "\(folder)/memory.bin" }

    /// Keeps what the protocol must not forget. A crash leaves the old or the new; on return it is the new.
    package static func save(
        _ memory: EndpointMemory, in folder: String, on files: inout some FileSystem
    ) throws(FileError) {
        let partial = "\(folder)/.memory.partial"
        try files.createFolder(folder)
        do {
            try files.write(memory.encoded, to: partial)
        } catch {
            try? files.remove(partial)
            throw error
        }
        try files.rename(partial, to: Self.memory(folder))
        try files.synchronise(folder: folder)
    }

    /// What the protocol must not forget, and a message where it was kept and cannot be read.
    package static func loadMemory(
        from folder: String, on files: some FileSystem
    ) -> (memory: EndpointMemory?, problems: [String]) {
        let path = memory(folder)
        let known: [UInt8]?
        do { known = try files.contents(of: path) } catch { return (nil, ["\(error)"]) }
        guard let known else { return (nil, []) }
        guard let memory = EndpointMemory(encoded: known) else {
            return (nil, ["\(path): it is damaged; old handshakes may be answered once more"])
        }
        return (memory, [])
    }
}

/// What a peer's last process left on its disk.
package struct StoredState: Sendable {
    /// The newest checkpoint that is whole; nil without any.
    package var checkpoint: PeerCheckpoint?
    /// What the protocol must not forget; nil where there is nothing, or nothing that can be read.
    package var memory: EndpointMemory?
    /// A message about each file that could not be read.
    package var problems: [String]

    package init(checkpoint: PeerCheckpoint? = nil, memory: EndpointMemory? = nil, problems: [String] = []) {
        self.checkpoint = checkpoint
        self.memory = memory
        self.problems = problems
    }
}
