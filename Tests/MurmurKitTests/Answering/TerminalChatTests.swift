import Foundation
import InstructionTuning
import MurmurKit
import Synchronization
import Testing

@Suite struct TerminalChatTests {
    /// Says what it was asked, and may take its time.
    private struct Echo: Responder {
        var isSlow = false

        func response(to prompt: Prompt) -> AsyncThrowingStream<String, any Error> {
            guard case .conversation(let turns) = prompt else { return AsyncThrowingStream { $0.finish() } }
            let text = turns.map { "\($0.role.rawValue):\($0.content.replacing("\n", with: ";"))" }.joined(
                separator: "|")
            let isSlow = isSlow
            return AsyncThrowingStream { continuation in
                let work = Task {
                    continuation.yield(text)
                    if isSlow { try await Task.sleep(for: .seconds(600)) }
                    continuation.finish()
                }
                continuation.onTermination = { _ in work.cancel() }
            }
        }
    }

    private final class Screen: Sendable {
        let text = Mutex("")
        func write(_ more: String) { text.withLock { $0 += more } }
    }

    @Test func turnsAreKeptUntilANewConversation() async throws {
        let screen = Screen()
        let chat = TerminalChat(
            responder: Echo(), system: "S", isInteractive: false, write: screen.write, note: { _ in })
        try await chat.run(lines: LineStream(["one", "", " two ", "/new", "three"]), interrupts: AsyncStream { _ in })
        let first = "system:S|user:one"
        #expect(
            screen.text.withLock { $0 }
                == "\(first)\n\(first)|assistant:\(first)|user:two\nsystem:S|user:three\n")
    }

    @Test func anInterruptEndsTheAnswerAndTwoTheProgram() async throws {
        let screen = Screen()
        let (interrupts, continuation) = AsyncStream.makeStream(of: Int32.self)
        let chat = TerminalChat(
            responder: Echo(isSlow: true), isInteractive: true,
            write: { text in
                screen.write(text)
                // The answer to the first line is interrupted, the program in that to the second.
                if text.hasPrefix("user:") { continuation.yield(SIGINT) }
                if text.hasSuffix("user:two") { continuation.yield(SIGINT) }
            }, note: { _ in })
        try await chat.run(lines: LineStream(["one", "two", "three"]), interrupts: interrupts)
        let text = screen.text.withLock { $0 }
        #expect(text.hasPrefix("> user:one\n> user:one|assistant:user:one|user:two\n"))
    }
}
