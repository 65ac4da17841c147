import Basics
package import Foundation
import Observability
import SwarmFile

/// One run of `murmur swarm`: starts the peers' processes, shows what they report, and sums up.
package struct SwarmRun {
    /// What is done beside running the peers.
    package struct Choices: Sendable {
        package var sources = SourceChoices()
        package var compute = ComputeChoices()
        /// How often a peer that died is started again.
        package var restarts = 3
        /// Whether peers go on from states of other settings.
        package var continues = false
        /// How many peers have to take part for the run to count as done; nil for what the topology says.
        package var quorum: Int?
        /// Whether the live view is shown.
        package var showsView = true
        /// Whether peers write down what their trainers return.
        package var records = false
        /// Whether the adapters are measured on the held-out records at the end.
        package var measuresLosses = false
        /// Whether peers keep the adapter of each round.
        package var keepsRounds = false
        /// The program that the peers run; nil for this one.
        package var executable: URL?

        package init() {}
    }

    private let folder: RunFolder
    private let choices: Choices
    private let faults: SwarmFaults?
    private var processes: ProcessFaults?
    private let view: ProgressSink
    private let sinks: [any EventSink]
    private var restartsLeft: [String: Int]
    private var participation: SwarmParticipation
    /// Peers that have told anything since the run began.
    private var heard: Set<String> = []
    private var stopping = false
    /// When the run began: fault times count from it.
    private var began = ContinuousClock.now

    /// A run in `folder`, on which `faults` act; `sinks` listen to the peers beside the view.
    ///
    /// What earlier parts of the run have left in the peers' logs counts too.
    ///
    /// - Throws: an error for a graph that cannot be.
    package init(
        folder: RunFolder, choices: Choices, faults: SwarmFaults? = nil, sinks: [any EventSink] = []
    ) throws {
        self.folder = folder
        self.choices = choices
        self.faults = faults
        let names = folder.topology.peers.map(\.name)
        processes = faults.map { ProcessFaults(plan: $0.plan, names: names) }
        view = ProgressSink(
            folder.topology.swarm.name, names: names, rounds: folder.topology.tuning.rounds,
            isTerminal: Terminal.outputIsTerminal)
        self.sinks = [view] + sinks
        restartsLeft = Dictionary(names.map { ($0, choices.restarts) }) { first, _ in first }
        participation = try SwarmParticipation(folder.topology)
        for name in names {
            for line in (try? LoggedEvent.read(folder.events(of: name))) ?? [] {
                view.receive(ToldEvent(line))
                participation.record(line)
            }
        }
    }

    /// What happens while the peers run.
    private enum Event: Sendable {
        case report(Supervisor.Report)
        case stopRequest
        case tick
        case killTime
        case fault(name: String, action: ProcessFaults.Action)
    }

    /// Runs until every peer has ended.
    package mutating func run() async throws -> SwarmResult {
        began = .now
        // A child has two pipes of two ends and a log; the event loops and what the peers leave need some as well.
        let count = folder.topology.peers.count
        try ProcessLimits.requireOpenFiles(32 + 8 * count, for: "\(count) peers need")
        let supervisor = Supervisor(executable: try choices.executable ?? Self.executable())
        let (events, continuation) = AsyncStream<Event>.makeStream()
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
        let faultTasks = await beginFaults(at: began, continuation)
        defer { for task in faultTasks { task.cancel() } }
        let absent = processes?.absent ?? []
        for peer in folder.topology.peers where !absent.contains(peer.name) { try supervisor.start(launch(peer.name)) }

        var running = Set(folder.topology.peers.map(\.name))
        for await event in events {
            switch event {
            case .report(.event(let line)):
                heard.insert(line.peer)
                participation.record(line)
                for sink in sinks { sink.receive(ToldEvent(line)) }
            case .report(.exited(let name, let status, let bySignal)):
                if try !continues(name, status: status, bySignal: bySignal, supervisor) { running.remove(name) }
            case .stopRequest:
                if stopping { supervisor.kill() }
                stopping = true
                supervisor.askToStop()
                // Those that a fault keeps down are not started again: their end would be waited for in vain.
                running.subtract(processes?.gone ?? [])
                note("Stopping: the peers write their checkpoints and say goodbye (once more: at once).")
                Task {
                    try? await Task.sleep(for: .seconds(20))
                    continuation.yield(.killTime)
                }
            case .killTime:
                supervisor.kill()
            case .fault(let name, let action):
                guard !stopping, running.contains(name) else { break }
                if processes?.perform(action, on: name, supervisor) == true { try supervisor.start(launch(name)) }
            case .tick:
                supervisor.reportForgotten()
                draw()
            }
            if running.isEmpty { break }
        }
        draw()
        for task in faultTasks {
            task.cancel()
            await task.value
        }
        return try await concluded(after: ContinuousClock.now - began)
    }

    /// Sums up what came of the run, and writes it.
    private func concluded(after duration: Duration) async throws -> SwarmResult {
        var summary: FaultSummary?
        if let faults, let processes {
            summary = await faults.summary(processes)
            await faults.relay.close()
        }
        let progress = view.progress
        var result = SwarmResult(
            topology: folder.topology, progress: progress, participation: participation,
            quorum: Quorum(folder.topology, peers: choices.quorum), stopped: stopping,
            seconds: max(duration.inSeconds, progress.seconds), faults: summary)
        if result.finished { try folder.measureConsensus(&result) }
        try folder.write(result, progress)
        if choices.measuresLosses, result.finished {
            try await folder.measureLosses(&result)
            try folder.write(result, progress)
        }
        return result
    }

    /// Starts the relay and the tasks that say when a process fault is due.
    private func beginFaults(
        at origin: ContinuousClock.Instant, _ continuation: AsyncStream<Event>.Continuation
    ) async -> [Task<Void, Never>] {
        guard let faults, let actions = processes?.actions else { return [] }
        await faults.relay.start(at: origin)
        return [
            Task {
                for (time, name, action) in actions {
                    try? await Task.sleep(until: origin + time, clock: .continuous)
                    if Task.isCancelled { return }
                    continuation.yield(.fault(name: name, action: action))
                }
            },
            Task { await faults.recordTraffic(since: origin) },
        ]
    }

    /// Whether the run of a peer whose process ended goes on: a fault ended it, or it is started again.
    private mutating func continues(
        _ name: String, status: Int32, bySignal: Bool, _ supervisor: Supervisor
    ) throws -> Bool {
        let state = folder.peer(name).appendingPathComponent("state", isDirectory: true)
        guard bySignal || status != 0, let now = processes?.ended(name, state: state) else {
            return try restart(name, status: status, bySignal: bySignal, supervisor)
        }
        for sink in sinks { sink.markDead(name) }
        if stopping { return false }
        if now { try supervisor.start(launch(name)) }
        return true
    }

    private func draw() {
        guard choices.showsView else { return }
        let text = view.render(size: Terminal.size, at: Date().timeIntervalSince1970)
        if !text.isEmpty { Terminal.write(text) }
    }

    /// A line on standard error, with the view out of its way.
    private func note(_ line: String) {
        if choices.showsView { Terminal.write(view.erase()) }
        Terminal.note(line)
    }

    /// Starts a peer again that died; false where its run is over.
    private mutating func restart(
        _ name: String, status: Int32, bySignal: Bool, _ supervisor: Supervisor
    ) throws -> Bool {
        if !bySignal, let ending = ExitStatus(rawValue: status), ending != .failure, ending != .usage {
            participation.endings[name] = ending
            if ending == .unwritten {
                participation.failures[name] = "has written neither adapter nor checkpoint, or not both"
            }
            return false
        }
        for sink in sinks { sink.markDead(name) }
        if stopping, bySignal {
            participation.endings[name] = .interrupted
            return false
        }
        let reason = bySignal ? "was ended by signal \(status)" : "ended with exit code \(status)"
        let log = folder.peer(name).appendingPathComponent("peer.log")
        let why =
            (try? String(contentsOf: log, encoding: .utf8))?
            .split(separator: "\n").last { $0.hasPrefix("murmur: ") }.map { " (\($0.dropFirst(8)))" } ?? ""
        // Exit codes 1 and 2 say that trying again would fail alike.
        if stopping || !bySignal || restartsLeft[name, default: 0] == 0 {
            participation.failures[name] = reason + why
            if !heard.contains(name), !stopping {
                note("\(name) could not start: it \(reason)\(why). The others go on.")
            } else {
                note("\(name) \(reason)\(why); it is not started again")
            }
            return false
        }
        restartsLeft[name, default: 0] -= 1
        note("\(name) \(reason); starting it again from its checkpoint")
        try supervisor.start(launch(name))
        return true
    }

    private func launch(_ name: String) -> Supervisor.Launch {
        let elapsed = ContinuousClock.now - began
        let slownesses = faults?.slownesses(of: name, startedAfter: elapsed) ?? []
        return Supervisor.Launch(
            name: name,
            arguments: [
                "peer", faults?.topologyPath(of: name) ?? folder.topologyPath, "--as", name, "--identity",
                folder.identity(of: name).path, "--out",
                folder.url.path, "--supervised",
            ] + choices.sources.arguments + (choices.records ? ["--record"] : [])
                + (choices.keepsRounds ? ["--keep-rounds"] : [])
                + (choices.continues ? ["--continue-with"] : [])
                + (choices.quorum.map { ["--quorum", "\($0)"] } ?? [])
                + slownesses.flatMap { ["--slow", $0.text] }
                + choices.compute.arguments(peers: folder.topology.peers.count),
            log: folder.peer(name).appendingPathComponent("peer.log"))
    }

    /// This program's own file.
    private static func executable() throws -> URL {
        #if os(Linux)
        let path = try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        #else
        let path = Bundle.main.executablePath
        #endif
        guard let path else { throw CommandFailure("cannot find this program's own file") }
        return URL(fileURLWithPath: path)
    }
}
