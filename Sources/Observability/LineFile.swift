package import Foundation
import Synchronization

/// A file to which whole lines are appended.
///
/// A failing disk must not stop a peer: what it does not take waits, and goes in before what follows as soon as there is
/// room. A line that a crash or a full disk cut short is ended before the next one, so that it spoils no other.
package final class LineFile: Sendable {
    private struct State {
        /// Whether the last line may be one that was cut short.
        var mayBeTorn = true
        /// Lines with their ends that the disk has not taken, the oldest first.
        var waiting: [Data] = []
        var waitingByteCount = 0
        /// Lines that were given up.
        var lostCount = 0
        var failure: String?
    }

    private let handle: FileHandle
    private let state = Mutex(State())

    /// Bytes of lines that wait at the most; beyond them the oldest are lost.
    private static let waitingByteLimit = 8 << 20

    /// Opens `url` for appending, creating it where it is missing.
    package init(appendingTo url: URL) throws {
        if !FileManager.default.fileExists(atPath: url.path) {
            try Data().write(to: url)
        }
        handle = try FileHandle(forUpdating: url)
        try handle.seekToEnd()
    }

    /// Why the disk did not take the newest line; nil where it did.
    package var failure: String? { state.withLock(\.failure) }

    /// Appends `line` and an end of line; false where the disk refused, which then has it later.
    @discardableResult
    package func append(_ line: Data) -> Bool {
        state.withLock { state in
            state.waiting.append(line + [UInt8(ascii: "\n")])
            state.waitingByteCount += line.count + 1
            while state.waitingByteCount > Self.waitingByteLimit, state.waiting.count > 1 {
                state.waitingByteCount -= state.waiting.removeFirst().count
                state.lostCount += 1
            }
            return writeWaiting(&state)
        }
    }

    /// Makes what was appended durable; false where the disk refuses.
    package func synchronise() -> Bool {
        state.withLock { state in
            guard state.waiting.isEmpty else { return false }
            do {
                try handle.synchronize()
                return true
            } catch {
                state.failure = (error as NSError).localizedDescription
                return false
            }
        }
    }

    private func writeWaiting(_ state: inout State) -> Bool {
        do {
            while let next = state.waiting.first {
                try write(next, &state)
                state.waitingByteCount -= state.waiting.removeFirst().count
            }
            state.failure = nil
            return true
        } catch {
            state.failure = (error as NSError).localizedDescription
            return false
        }
    }

    /// Writes one line whole, or leaves the file as it was as far as the disk lets it.
    private func write(_ line: Data, _ state: inout State) throws {
        if state.mayBeTorn { try endTornLine() }
        let start = try handle.offset()
        state.mayBeTorn = true
        do {
            try handle.write(contentsOf: line)
        } catch {
            if (try? handle.truncate(atOffset: start)) != nil { state.mayBeTorn = false }
            throw error
        }
        state.mayBeTorn = false
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

    /// Tries what waits once more and closes the file; later appends fail.
    ///
    /// - Returns: How many lines the file lacks.
    @discardableResult
    package func close() -> Int {
        state.withLock { state in
            _ = writeWaiting(&state)
            try? handle.close()
            return state.waiting.count + state.lostCount
        }
    }
}
