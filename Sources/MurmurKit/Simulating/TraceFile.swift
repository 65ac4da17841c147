import Foundation
import Synchronization

/// A text file that lines are appended to, a buffer at a time.
final class TraceFile: Sendable {
    private struct State {
        var handle: FileHandle
        var buffer: [UInt8] = []
        var problem: (any Error)?
    }

    private let state: Mutex<State>

    /// Makes the file new.
    init(path: String) throws {
        guard FileManager.default.createFile(atPath: path, contents: nil),
            let handle = FileHandle(forWritingAtPath: path)
        else { throw CommandFailure("cannot write the trace to \(path); check the folder and its permissions") }
        state = Mutex(State(handle: handle))
    }

    func write(_ line: String) {
        state.withLock { state in
            state.buffer += line.utf8
            state.buffer.append(10)
            if state.buffer.count > 1 << 16 { Self.flush(&state) }
        }
    }

    /// Writes what is left; throws what went wrong before.
    func close() throws {
        try state.withLock { state in
            Self.flush(&state)
            if let problem = state.problem { throw problem }
            try state.handle.close()
        }
    }

    private static func flush(_ state: inout State) {
        do { try state.handle.write(contentsOf: state.buffer) } catch { state.problem = state.problem ?? error }
        state.buffer.removeAll(keepingCapacity: true)
    }
}
