import Foundation
import Observability
import Overlay

/// One run of `murmur swarm`: starts the peers' processes, shows what they report, and sums up.
struct SwarmRun {
    private let folder: RunFolder
    private let sources: SourceOptions
    private let restarts: Int
    private let showsView: Bool
    private var progress: SwarmProgress
    private var view: LiveView
    private var restartsLeft: [String: Int]
    private var failed: [String: String] = [:]
    private var stopping = false

    init(folder: RunFolder, sources: SourceOptions, restarts: Int, showsView: Bool) {
        self.folder = folder
        self.sources = sources
        self.restarts = restarts
        self.showsView = showsView
        let names = folder.topology.peers.map(\.name)
        progress = SwarmProgress(names: names)
        view = LiveView(isTerminal: Terminal.outputIsTerminal)
        restartsLeft = Dictionary(names.map { ($0, restarts) }) { first, _ in first }
    }

    /// What happens while the peers run.
    private enum Occurrence: Sendable {
        case report(Supervisor.Report)
        case stopRequest
        case tick
        case killTime
    }

    /// Runs until every peer has ended.
    mutating func run() async throws -> SwarmResult {
        let started = ContinuousClock.now
        let supervisor = Supervisor(executable: try Self.executable())
        let (occurrences, continuation) = AsyncStream<Occurrence>.makeStream()
        let feeders = [
            Task { for await report in supervisor.reports { continuation.yield(.report(report)) } },
            Task { for await _ in Signals.stopRequests() { continuation.yield(.stopRequest) } },
            Task {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .milliseconds(250))
                    continuation.yield(.tick)
                }
            },
        ]
        defer { for feeder in feeders { feeder.cancel() } }
        for peer in folder.topology.peers { try supervisor.start(launch(peer.name)) }

        var running = Set(folder.topology.peers.map(\.name))
        for await occurrence in occurrences {
            switch occurrence {
            case .report(.event(let event)):
                progress.record(event)
            case .report(.exited(let name, let status, let bySignal)):
                if try !restart(name, status: status, bySignal: bySignal, supervisor) { running.remove(name) }
            case .stopRequest:
                if stopping { supervisor.kill() }
                stopping = true
                supervisor.askToStop()
                Terminal.note("Stopping: the peers write their checkpoints and say goodbye (once more: at once).")
                Task {
                    try? await Task.sleep(for: .seconds(20))
                    continuation.yield(.killTime)
                }
            case .killTime:
                supervisor.kill()
            case .tick:
                draw()
            }
            if running.isEmpty { break }
        }
        draw()
        return try SwarmResult(
            folder: folder, progress: progress, failed: failed, stopped: stopping,
            seconds: (ContinuousClock.now - started).inSeconds)
    }

    private mutating func draw() {
        guard showsView else { return }
        let text = view.render(progress, rounds: folder.topology.tuning.rounds)
        if !text.isEmpty { Terminal.write(text) }
    }

    /// Starts a peer again that died; false where its run is over.
    private mutating func restart(
        _ name: String, status: Int32, bySignal: Bool, _ supervisor: Supervisor
    ) throws -> Bool {
        if status == 0, !bySignal { return false }
        progress.markDead(name)
        let reason = bySignal ? "was ended by signal \(status)" : "ended with exit code \(status)"
        let log = folder.peer(name).appendingPathComponent("peer.log")
        let why =
            (try? String(contentsOf: log, encoding: .utf8))?
            .split(separator: "\n").last { $0.hasPrefix("murmur: ") }.map { " (\($0.dropFirst(8)))" } ?? ""
        // Exit codes 1 and 2 say that trying again would fail alike.
        if stopping || !bySignal || restartsLeft[name, default: 0] == 0 {
            failed[name] = reason + why
            return false
        }
        restartsLeft[name, default: 0] -= 1
        Terminal.note("\(name) \(reason); starting it again from its checkpoint")
        try supervisor.start(launch(name))
        return true
    }

    private func launch(_ name: String) -> Supervisor.Launch {
        Supervisor.Launch(
            name: name,
            arguments: [
                "peer", folder.topologyPath, "--as", name, "--identity", folder.identity(of: name).path, "--out",
                folder.url.path, "--supervised",
            ] + sources.arguments,
            log: folder.peer(name).appendingPathComponent("peer.log"))
    }

    /// This program's own file.
    private static func executable() throws -> URL {
        guard let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe") else {
            throw CommandFailure("cannot find this program's own file through /proc/self/exe")
        }
        return URL(fileURLWithPath: path)
    }
}
