package import Foundation

/// A file to which whole lines are appended.
///
/// A failing disk must not stop a peer: an append that fails is counted and the peer goes on.
package final class LineFile: Sendable {
    private let handle: FileHandle

    /// Opens `url` for appending, creating it where it is missing.
    package init(appendingTo url: URL) throws {
        if !FileManager.default.fileExists(atPath: url.path) {
            try Data().write(to: url)
        }
        handle = try FileHandle(forWritingTo: url)
        try handle.seekToEnd()
    }

    /// Appends `line` and an end of line; false where the disk refused.
    @discardableResult
    package func append(_ line: Data) -> Bool {
        var bytes = line
        bytes.append(UInt8(ascii: "\n"))
        do {
            try handle.write(contentsOf: bytes)
            return true
        } catch {
            return false
        }
    }

    /// Closes the file; later appends fail.
    package func close() {
        try? handle.close()
    }
}
