package import Foundation
package import Observability
import Synchronization

/// Runs peers as processes of their own and hands on what they tell.
///
/// A child's standard output carries event lines; its standard input is a pipe that closes when this process ends,
/// however it ends, and a peer that sees it closed leaves: no orphan stays behind.
package final class Supervisor: Sendable {
    /// What supervision reports.
    package enum Report: Sendable {
        /// A peer logged an event.
        case event(LoggedEvent)
        /// A peer's process ended. `status` is its exit code, or the signal's number where `bySignal`.
        case exited(name: String, status: Int32, bySignal: Bool)
    }

    /// What to start for a peer.
    package struct Launch: Sendable {
        /// The peer's name.
        package let name: String
        /// The command's arguments.
        package let arguments: [String]
        /// The file that takes the peer's standard error.
        package let log: URL

        package init(name: String, arguments: [String], log: URL) {
            self.name = name
            self.arguments = arguments
            self.log = log
        }
    }

    private struct Child {
        let process: Process
        let input: Pipe
        /// How often it was found to be over without having been reported.
        var looks = 0
    }

    /// The reports, in the order they came.
    package let reports: AsyncStream<Report>
    private let continuation: AsyncStream<Report>.Continuation
    private let executable: URL
    private let children = Mutex<[String: Child]>([:])

    /// Starts peers with `executable`.
    package init(executable: URL) {
        self.executable = executable
        (reports, continuation) = AsyncStream.makeStream()
    }

    /// The number of processes that run.
    package var runningCount: Int { children.withLock { $0.count } }

    /// Starts a peer's process.
    package func start(_ launch: Launch) throws {
        let process = Process()
        process.executableURL = executable
        process.arguments = launch.arguments
        let input = Pipe()
        let output = Pipe()
        if !FileManager.default.fileExists(atPath: launch.log.path) { try Data().write(to: launch.log) }
        let log = try FileHandle(forWritingTo: launch.log)
        try log.seekToEnd()
        process.standardInput = input
        process.standardOutput = output
        process.standardError = log

        let name = launch.name
        let ended = DispatchGroup()
        ended.enter()
        process.terminationHandler = { [weak self] process in
            try? log.close()
            // The exit is reported after the last line, so that a goodbye is never taken for a death.
            ended.notify(queue: .global()) {
                self?.ended(name, process)
            }
        }
        // Under one lock: a process may end before it is entered, and its end would find nobody.
        try children.withLock { children in
            try process.run()
            children[name] = Child(process: process, input: input)
        }
        // A thread that reads until the end: a handler that the dispatch library calls was once not called any more when the
        // last line and the end came together, and the swarm waited for ever.
        Thread { [continuation] in
            var lines = LineCutter()
            while true {
                let data = output.fileHandleForReading.availableData
                guard !data.isEmpty else { break }
                for line in lines.append(data) {
                    if let event = LoggedEvent(line: line) { continuation.yield(.event(event)) }
                }
            }
            ended.leave()
        }.start()
    }

    /// Reports processes that have been over for some calls, if nothing else did: to be called a few times a second.
    package func reportForgotten() {
        let forgotten = children.withLock { children in
            var found: [(String, Process)] = []
            for (name, child) in children where !child.process.isRunning {
                children[name]!.looks += 1
                if child.looks >= Self.patience { found.append((name, child.process)) }
            }
            return found
        }
        for (name, process) in forgotten { ended(name, process) }
    }

    /// Looks at a process that is over before it is taken for forgotten; its last lines are still to be read.
    private static let patience = 20

    private func ended(_ name: String, _ process: Process) {
        let isNews = children.withLock { children in
            // Reported already, or the name has a new process.
            guard children[name]?.process === process else { return false }
            children[name] = nil
            return true
        }
        guard isNews else { return }
        continuation.yield(
            .exited(
                name: name, status: process.terminationStatus, bySignal: process.terminationReason == .uncaughtSignal))
    }

    /// Sends a signal to the process of a peer, if it runs.
    package func send(_ signal: Int32, to name: String) {
        children.withLock { children in
            if let child = children[name] { _ = Glibc.kill(child.process.processIdentifier, signal) }
        }
    }

    /// Asks every peer to leave (SIGTERM).
    package func askToStop() {
        children.withLock { children in
            for child in children.values {
                child.process.terminate()
                // One that was stopped (SIGSTOP) could not hear it.
                _ = Glibc.kill(child.process.processIdentifier, SIGCONT)
            }
        }
    }

    /// Ends every process that still runs (SIGKILL).
    package func kill() {
        children.withLock { children in
            for child in children.values { _ = Glibc.kill(child.process.processIdentifier, SIGKILL) }
        }
    }
}
