package import Foundation
import Synchronization

/// A file to which whole lines are appended.
///
/// A failing disk must not stop a peer: an append that fails is told to the caller, and the peer goes on. A line that a
/// crash or a full disk cut short is ended before the next one, so that it spoils no other.
package final class LineFile: Sendable {
    private let handle: FileHandle
    /// Whether the last line may be one that was cut short.
    private let mayBeTorn = Mutex(true)

    /// Opens `url` for appending, creating it where it is missing.
    package init(appendingTo url: URL) throws {
        if !FileManager.default.fileExists(atPath: url.path) {
            try Data().write(to: url)
        }
        handle = try FileHandle(forUpdating: url)
        try handle.seekToEnd()
    }

    /// Appends `line` and an end of line; false where the disk refused.
    @discardableResult
    package func append(_ line: Data) -> Bool {
        mayBeTorn.withLock { mayBeTorn in
            do {
                if mayBeTorn { try endTornLine() }
                mayBeTorn = true
                var bytes = line
                bytes.append(UInt8(ascii: "\n"))
                try handle.write(contentsOf: bytes)
                mayBeTorn = false
                return true
            } catch {
                return false
            }
        }
    }

    /// Ends the last line where it has no end.
    private func endTornLine() throws {
        let end = try handle.seekToEnd()
        guard end > 0 else { return }
        try handle.seek(toOffset: end - 1)
        let last = try handle.read(upToCount: 1)
        try handle.seekToEnd()
        if last?.first != UInt8(ascii: "\n") { try handle.write(contentsOf: Data("\n".utf8)) }
    }

    /// Closes the file; later appends fail.
    package func close() {
        try? handle.close()
    }
}
