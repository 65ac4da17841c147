import Foundation
import Synchronization

/// What a trainer's process writes to standard error, in a file that never grows beyond a limit: a full one becomes
/// `PATH.1`, in place of the one before.
package final class TrainerLog: Sendable {
    /// The most bytes of one of the two files.
    package static let limit = 4 << 20

    private struct State {
        var handle: FileHandle?
        var size = 0
        /// The end of what was written, for the last line.
        var tail: [UInt8] = []
    }

    let path: String
    private let state = Mutex(State())
    private let fileLimit: Int

    /// A log that goes on in the file at `path`, of at most `limit` bytes. One that cannot be written is done without.
    package init(path: String, limit: Int = TrainerLog.limit) {
        self.path = path
        fileLimit = limit
    }

    /// Adds what was written.
    package func write(_ bytes: [UInt8]) {
        state.withLock { state in
            state.tail = Array((state.tail + bytes).suffix(Self.tailLength))
            if state.handle == nil { open(&state) }
            if state.size + bytes.count > fileLimit {
                try? state.handle?.close()
                try? FileManager.default.removeItem(atPath: path + ".1")
                try? FileManager.default.moveItem(atPath: path, toPath: path + ".1")
                open(&state)
            }
            let part = bytes.prefix(fileLimit)
            try? state.handle?.write(contentsOf: Data(part))
            state.size += part.count
        }
    }

    /// Adds a line of the peer's own.
    func note(_ line: String) { write(Array("-- \(line)\n".utf8)) }

    /// The last line that the trainer wrote, cut; nil where it wrote none.
    package var lastLine: String? {
        let tail = state.withLock { $0.tail }
        let lines = String(decoding: tail, as: UTF8.self).split(whereSeparator: \.isNewline)
        return lines.last { !$0.hasPrefix("-- ") && !$0.allSatisfy(\.isWhitespace) }
            .map { String(TrainerReply.shown(String($0)).suffix(300)) }
    }

    private static let tailLength = 4096

    private func open(_ state: inout State) {
        if !FileManager.default.fileExists(atPath: path) {
            _ = FileManager.default.createFile(
                atPath: path, contents: nil, attributes: [.posixPermissions: 0o600])
        }
        state.handle = FileHandle(forWritingAtPath: path)
        state.size = Int((try? state.handle?.seekToEnd()) ?? 0)
    }
}
