import Foundation
import InstructionTuning
import Synchronization

/// A conversation in lines: each line of the input is a turn, and is answered before the next is taken.
package struct TerminalChat: Sendable {
    private let responder: any Responder
    private let system: String?
    private let isInteractive: Bool
    private let write: @Sendable (String) -> Void
    private let note: @Sendable (String) -> Void

    /// - Parameters:
    ///   - system: what the model is told before the conversation.
    ///   - isInteractive: whether somebody types: then there is a mark where a line is expected, and hints.
    package init(
        responder: any Responder, system: String? = nil, isInteractive: Bool,
        write: @escaping @Sendable (String) -> Void = Terminal.write,
        note: @escaping @Sendable (String) -> Void = Terminal.note
    ) {
        self.responder = responder
        self.system = system
        self.isInteractive = isInteractive
        self.write = write
        self.note = note
    }

    /// Talks until the lines end. A first interrupt ends the answer that is being written; a second one before the next
    /// line, or any other signal, ends the conversation.
    package func run(lines: LineStream, interrupts: AsyncStream<Int32>) async throws {
        let state = InterruptState()
        let watch = Task {
            for await signal in interrupts {
                let (count, answer) = state.interrupt()
                answer?.cancel()
                if signal != SIGINT || count > 1 {
                    state.end()
                    lines.finish()
                } else if answer == nil, isInteractive {
                    note("(Ctrl-C again, or Ctrl-D, ends the program)")
                }
            }
        }
        defer { watch.cancel() }
        var turns = start
        if isInteractive { write("> ") }
        for await line in lines.stream where !state.isOver {
            state.begin()
            let text = line.trimmingCharacters(in: .whitespaces)
            if text == "/new" {
                turns = start
                if isInteractive { note("(a new conversation)") }
            } else if !text.isEmpty {
                turns.append(ChatTurn(role: .user, content: text))
                turns.append(ChatTurn(role: .assistant, content: try await answer(turns, state)))
            }
            if isInteractive, !state.isOver { write("> ") }
        }
        if isInteractive { write("\n") }
    }

    private var start: [ChatTurn] { system.map { [ChatTurn(role: .system, content: $0)] } ?? [] }

    private func answer(_ turns: [ChatTurn], _ state: InterruptState) async throws -> String {
        let collected = Mutex("")
        let task = Task {
            for try await piece in responder.response(to: .conversation(turns)) {
                collected.withLock { $0 += piece }
                write(piece)
            }
        }
        state.answers(with: task)
        defer { state.answers(with: nil) }
        do {
            try await task.value
        } catch is CancellationError {}
        write("\n")
        return collected.withLock { $0 }
    }
}

/// How often a conversation was interrupted since its last line, and what is being written.
private final class InterruptState: Sendable {
    private struct State {
        var count = 0
        var answer: Task<Void, any Error>?
        var isOver = false
    }

    private let state = Mutex(State())

    /// Whether nothing more is to be said.
    var isOver: Bool { state.withLock { $0.isOver } }

    func end() { state.withLock { $0.isOver = true } }

    func begin() { state.withLock { $0.count = 0 } }

    func answers(with task: Task<Void, any Error>?) { state.withLock { $0.answer = task } }

    /// Counts an interrupt; gives the count, and the answer that is being written.
    func interrupt() -> (count: Int, answer: Task<Void, any Error>?) {
        state.withLock { state in
            state.count += 1
            return (state.count, state.answer)
        }
    }
}

/// Lines as they come.
package struct LineStream: Sendable {
    let stream: AsyncStream<String>
    private let continuation: AsyncStream<String>.Continuation

    /// The given lines.
    package init(_ lines: [String]) {
        (stream, continuation) = AsyncStream.makeStream()
        for line in lines { continuation.yield(line) }
        continuation.finish()
    }

    /// The lines of standard input, read by a thread of their own: a read that waits is not for the cooperative pool.
    package static func ofStandardInput() -> LineStream {
        let lines = LineStream()
        Thread {
            while let line = readLine() { lines.continuation.yield(line) }
            lines.continuation.finish()
        }.start()
        return lines
    }

    private init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    /// Ends the stream; lines that come later are dropped.
    func finish() { continuation.finish() }
}
