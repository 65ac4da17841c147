import Foundation
import Storage
import Synchronization

/// Recordings of local steps, one file a peer: `FOLDER/PEER/training.recording`.
package final class RecordingFolder: Sendable {
    private struct State {
        var handles: [String: FileHandle] = [:]
        var problem: (any Error)?
    }

    /// Bytes of a recording that are read at most.
    private static let sizeLimit = 4 << 30

    private let folder: URL
    private let state = Mutex(State())

    package init(_ path: String) {
        folder = URL(fileURLWithPath: path, isDirectory: true)
    }

    private func file(of peer: String) -> URL {
        folder.appendingPathComponent(peer, isDirectory: true).appendingPathComponent(TrainingRecording.fileName)
    }

    /// Begins a file for each of `recordings`, which have no entries yet; with `isContinued` what a file of the same
    /// peer, model and adapter holds stays, up to its last whole entry.
    package func begin(_ recordings: [TrainingRecording], isContinued: Bool = false) throws {
        for recording in recordings {
            let url = file(of: recording.peer)
            try FileManager.default.createDirectory(
                at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
            var kept: UInt64?
            if isContinued, var known = try? Self.read(url.path) {
                kept = UInt64(known.encodedByteCount)
                known.entries = []
                if known != recording { kept = nil }
            }
            if kept == nil { try Data(recording.head).write(to: url) }
            let handle = try FileHandle(forWritingTo: url)
            if let kept { try handle.truncate(atOffset: kept) }
            try handle.seekToEnd()
            state.withLock { $0.handles[recording.peer] = handle }
        }
    }

    /// Adds the bytes of an entry to a peer's file; what goes wrong is said by `close`.
    package func append(_ entry: [UInt8], of peer: String) {
        state.withLock { state in
            do { try state.handles[peer]?.write(contentsOf: entry) } catch { state.problem = state.problem ?? error }
        }
    }

    /// Closes the files; throws what went wrong with one of them.
    package func close() throws {
        try state.withLock { state in
            for (_, handle) in state.handles { try handle.close() }
            state.handles = [:]
            if let problem = state.problem { throw problem }
        }
    }

    /// The recordings of these peers.
    ///
    /// - Throws: `FileError`, and `RecordingMismatch` naming the file that is no recording, or another peer's.
    package func read(_ names: [String]) throws -> [TrainingRecording] {
        try names.map { name in
            let path = file(of: name).path
            let recording = try Self.read(path)
            guard recording.peer == name else {
                throw RecordingMismatch(description: "\(path) is the recording of \(recording.peer), not of \(name)")
            }
            return recording
        }
    }

    /// The recording in a file.
    package static func read(_ path: String) throws -> TrainingRecording {
        let bytes = try ReadableFile.contents(of: path, limit: sizeLimit)
        do {
            return try TrainingRecording(encoded: bytes)
        } catch {
            throw RecordingMismatch(description: "\(path): \(error)")
        }
    }
}
