import Foundation
import Subprocess
import Synchronization

/// A trainer's process: its lines in, its lines out, its end.
///
/// It leads a session of its own, so that Ctrl-C in the peer's terminal does not reach it and so that it can be ended with
/// all that it has started. Its standard input closes when this process ends, however it ends.
final class TrainerProcess: Sendable {
    /// What happens to it.
    enum Event: Sendable {
        /// It wrote a line to standard output.
        case line([UInt8])
        /// It wrote what no reader can take, and is being ended.
        case violation(String)
        /// It is over, in these words.
        case ended(String)
        /// Time has passed.
        case tick
        /// The peer leaves.
        case stop
    }

    /// The most bytes that a trainer may write between two requests.
    static let outputLimit = 16 << 20
    /// What a line counts beside its bytes: a queued line takes memory, an empty one too.
    private static let lineCost = 64

    private struct Life {
        var identifier: Int32?
        /// Whether the process is gone, and its number perhaps another's.
        var isOver = false
        /// Whether it is to be ended as soon as it is there.
        var isDoomed = false
    }

    /// What happens, in order; one reader at a time.
    let events: AsyncStream<Event>
    private let sink: AsyncStream<Event>.Continuation
    private let lines: AsyncStream<[UInt8]>
    private let input: AsyncStream<[UInt8]>.Continuation
    private let log: TrainerLog
    private let life = Mutex(Life())
    /// Bytes written since the last request.
    private let written = Mutex(0)

    /// Starts `command`, whose standard error goes to `log`.
    init(_ command: [String], log: TrainerLog) {
        precondition(!command.isEmpty, "a command has a program")
        // A write to a trainer that is gone is an error, not the end of this process.
        signal(SIGPIPE, SIG_IGN)
        self.log = log
        (events, sink) = AsyncStream.makeStream()
        (lines, input) = AsyncStream.makeStream()
        // Detached: its life is not that of whoever starts it.
        Task.detached { await self.run(command) }
    }

    /// Writes a line to its standard input, when it reads it.
    func send(_ line: [UInt8]) {
        written.withLock { $0 = 0 }
        input.yield(line)
    }

    /// Closes its standard input behind what has been sent.
    func closeInput() { input.finish() }

    /// Wakes the reader of `events`.
    func wake(_ event: Event) { sink.yield(event) }

    /// Whether it runs no more.
    var isOver: Bool { life.withLock { $0.isOver } }

    /// Ends it, and what it has started, at once.
    func kill() {
        input.finish()
        life.withLock { life in
            life.isDoomed = true
            if let identifier = life.identifier, !life.isOver { _ = Foundation.kill(-identifier, SIGKILL) }
        }
    }

    /// Lets it end by itself, for as long as `patience`; then ends it. Returns when it is over.
    func end(patience: Duration) async {
        closeInput()
        let limit = ContinuousClock.now + patience
        while !isOver, ContinuousClock.now < limit { try? await Task.sleep(for: .milliseconds(20)) }
        if !isOver { kill() }
        // What has left its session and holds a pipe open is waited for no longer than this.
        let last = ContinuousClock.now + .seconds(2)
        while !isOver, ContinuousClock.now < last { try? await Task.sleep(for: .milliseconds(20)) }
    }

    private func run(_ command: [String]) async {
        var options = PlatformOptions()
        options.createSession = true
        var end: String
        do {
            let result = try await Subprocess.run(
                // By `env`, which takes a name as well as a path.
                .name("env"), arguments: Arguments(command), platformOptions: options, input: .inputWriter,
                output: .sequence, error: .sequence
            ) { execution in
                self.began(execution.processIdentifier.value)
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for await line in self.lines {
                            // It is gone, or reads no more: its end is told elsewhere.
                            guard (try? await execution.standardInputWriter.write(line)) != nil else { break }
                        }
                        try? await execution.standardInputWriter.finish()
                    }
                    group.addTask {
                        await self.read(execution.standardOutput)
                        self.outputEnded()
                    }
                    group.addTask { await self.keep(execution.standardError) }
                }
                self.life.withLock { $0.isOver = true }
            }
            end = Self.words(result.terminationStatus)
        } catch {
            end = "cannot be started: \(error)"
        }
        life.withLock { $0.isOver = true }
        log.note(end)
        sink.yield(.ended(end))
        sink.finish()
    }

    private func began(_ identifier: Int32) {
        let isDoomed = life.withLock { life in
            life.identifier = identifier
            return life.isDoomed
        }
        if isDoomed { kill() }
    }

    /// Hands on the lines of standard output, as long as they keep within their limits.
    private func read(_ output: SubprocessOutputSequence) async {
        var pending: [UInt8] = []
        do {
            for try await buffer in output {
                pending += Data(buffer: buffer)
                var start = 0
                var lines = 0
                while let end = pending[start...].firstIndex(of: UInt8(ascii: "\n")) {
                    sink.yield(.line(Array(pending[start..<end])))
                    start = end + 1
                    lines += 1
                }
                pending.removeFirst(start)
                let count = written.withLock { written in
                    written += buffer.count + lines * Self.lineCost
                    return written
                }
                guard pending.count <= TrainerReply.lineLimit, count <= Self.outputLimit else {
                    let reason =
                        pending.count > TrainerReply.lineLimit
                        ? "a line has more than \(TrainerReply.lineLimit) bytes"
                        : "it wrote more than \(Self.outputLimit) bytes since it was last asked for something"
                    sink.yield(.violation(reason))
                    return kill()
                }
            }
        } catch {
            sink.yield(.violation("its standard output cannot be read: \(error)"))
        }
    }

    /// A trainer without standard output is over, or soon will be.
    private func outputEnded() {
        input.finish()
        Task.detached {
            try? await Task.sleep(for: .seconds(2))
            self.kill()
        }
    }

    private func keep(_ error: SubprocessOutputSequence) async {
        do {
            for try await buffer in error { log.write(Array(Data(buffer: buffer))) }
        } catch {
            log.note("standard error cannot be read: \(error)")
        }
    }

    private static func words(_ status: TerminationStatus) -> String {
        switch status {
        case .exited(let code): "ended with exit code \(code)"
        case .signaled(let signal): "was ended by signal \(signal)"
        }
    }
}
