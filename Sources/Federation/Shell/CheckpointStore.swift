import Adapters
import Foundation
package import Wire

/// The folder where a peer keeps its state: the newest checkpoint and the one before it.
///
/// A crash at any moment, also in the midst of writing, leaves one of them whole. A full disk fails the writing and
/// leaves what was there.
package struct CheckpointStore: Sendable {
    /// The folder.
    package let folder: String
    private let write: @Sendable ([UInt8], String) throws -> Void

    /// A store in `folder`, which is created when it is needed. `write` replaces the durable writing in tests of failing
    /// disks.
    package init(
        folder: String,
        write: @escaping @Sendable ([UInt8], String) throws -> Void = { try AtomicFile.write($0, to: $1) }
    ) {
        self.folder = folder
        self.write = write
    }

    private var newest: String { "\(folder)/checkpoint.bin" }
    private var previous: String { "\(folder)/checkpoint.previous.bin" }

    /// Makes `checkpoint` the newest and the newest the previous.
    ///
    /// The newest is not moved away before the new one is on disk: the previous one is replaced by a second name of it.
    /// - Throws: `FileError`, or what the file system says.
    package func save(_ checkpoint: PeerCheckpoint) throws {
        try AtomicFile.createFolder(folder)
        let manager = FileManager.default
        if manager.fileExists(atPath: newest) {
            let link = "\(folder)/.checkpoint.link"
            try? manager.removeItem(atPath: link)
            try manager.linkItem(atPath: newest, toPath: link)
            _ = try? manager.removeItem(atPath: previous)
            try manager.moveItem(atPath: link, toPath: previous)
        }
        try write(checkpoint.encoded, newest)
    }

    private var memoryFile: String { "\(folder)/memory.bin" }

    /// Keeps what the protocol must not forget, in a file of its own: it changes with every handshake.
    /// - Throws: `FileError`, or what the file system says.
    package func save(_ memory: EndpointMemory) throws {
        try AtomicFile.createFolder(folder)
        try write(memory.encoded, memoryFile)
    }

    /// What the protocol must not forget, and a message where it was kept and cannot be read.
    package func loadMemory() -> (memory: EndpointMemory?, problems: [String]) {
        guard FileManager.default.fileExists(atPath: memoryFile) else { return (nil, []) }
        guard let data = FileManager.default.contents(atPath: memoryFile),
            let memory = EndpointMemory(encoded: Array(data))
        else {
            return (nil, ["\(memoryFile): it is damaged or cannot be read; old handshakes may be answered once more"])
        }
        return (memory, [])
    }

    /// The newest checkpoint that is whole, and a message about each that is not; nil without any.
    package func load() -> (checkpoint: PeerCheckpoint?, problems: [String]) {
        var problems: [String] = []
        for path in [newest, previous] {
            guard FileManager.default.fileExists(atPath: path) else { continue }
            guard let data = FileManager.default.contents(atPath: path) else {
                problems.append("\(path): it cannot be read; check its permissions")
                continue
            }
            do {
                return (try PeerCheckpoint(encoded: Array(data)), problems)
            } catch {
                problems.append("\(path): \(error)")
            }
        }
        return (nil, problems)
    }
}
