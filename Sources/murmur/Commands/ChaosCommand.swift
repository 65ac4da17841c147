import ArgumentParser
import Basics
import Faults
import Foundation
import SwarmFile

/// `murmur chaos`: the relay alone.
struct ChaosCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "chaos",
        abstract: "Stand between the peers of a topology and do to their datagrams what a fault file says.",
        discussion: """
            Binds a UDP socket for each directed pair of neighbours, writes for each peer a topology file in which its \
            neighbours are reached through the relay (DIR/NAME.yaml), and relays until it is stopped (Ctrl-C, SIGTERM). \
            Statistics are JSON lines on standard output: what passed each link so far, once a second where it changed. \
            Start every peer with its file and its own --identity.

            Example:
              murmur chaos friends.yaml --faults topologies/faults/lossy.yaml --out relay
              murmur peer relay/alice.yaml --as alice --identity alice.identity --out run
            """)

    @Argument(help: "The topology file, with everyone's id, key and address.") var topology: String
    @Option(help: "The fault file.") var faults: String
    @Option(help: "The folder that receives a topology file for each peer.") var out: String
    @Option(help: "The seed of what is drawn, where the fault file has none; else the swarm's.") var seed: UInt64?
    @Option(help: "The numeric address of this machine at which peers reach the relay.") var host = "127.0.0.1"

    func run() async throws {
        try await reportingFailures {
            let schedule = try FaultSchedule.load(faults)
            var file = try SwarmTopology.load(path: topology)
            file.makePathsAbsolute(relativeTo: URL(fileURLWithPath: topology).deletingLastPathComponent())
            guard file.isResolved else {
                throw CommandFailure("\(topology) lacks an id, key or address; the peers need all of each other")
            }
            guard let numeric = NetworkAddress.canonicalHost(host) else {
                throw ValidationError("--host \(host): a numeric address is expected")
            }
            let names = file.peers.map(\.name)
            let plan = try FaultPlan(schedule, names: names, seed: seed ?? file.swarm.seed)
            let relay = try await FaultRelay.bind(plan: plan, topology: file, host: numeric)
            let folder = URL(fileURLWithPath: out, isDirectory: true)
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            for (place, name) in names.enumerated() {
                try await relay.topology(file, for: place).yaml.write(
                    to: folder.appendingPathComponent("\(name).yaml"), atomically: true, encoding: .utf8)
            }
            let notApplied = NotApplied.of(schedule, networkOnly: true)
            if !notApplied.isEmpty {
                Terminal.note("murmur: the relay alone does not apply: \(notApplied.joined(separator: ", "))")
            }
            await carry(relay, names: names)
        }
    }

    /// Relays until a signal asks to stop.
    private func carry(_ relay: FaultRelay, names: [String]) async {
        let origin = ContinuousClock.now
        let stops = Signals.stopRequests()
        await relay.start(at: origin)
        Terminal.note("murmur: relaying; topology files for the peers are in \(out)")
        let printer = Task {
            var earlier: [FaultRelay.Traffic] = []
            repeat {
                try? await Task.sleep(for: .seconds(1))
                let seconds = (ContinuousClock.now - origin).inSeconds
                let lines = try? RelayLine.news(of: await relay.links, names: names, seconds: seconds, since: &earlier)
                for line in lines ?? [] { Terminal.print(String(decoding: line, as: UTF8.self)) }
            } while !Task.isCancelled
        }
        for await _ in stops { break }
        printer.cancel()
        await printer.value
        await relay.close()
    }
}
