import Basics
import Faults
import Foundation
import Observability
import SwarmFile

/// A fault file at work on the processes of `murmur swarm`: the relay between them, and what happens to them.
package final class SwarmFaults: Sendable {
    let plan: FaultPlan
    let relay: FaultRelay
    let notApplied: [String]
    private let folder: RunFolder
    private let names: [String]

    /// Reads the fault file at `path`, binds the relay, and writes for each peer the topology in which its neighbours
    /// are reached through it.
    package init(path: String, seed: UInt64?, folder: RunFolder) async throws {
        self.folder = folder
        names = folder.topology.peers.map(\.name)
        let schedule = try FaultSchedule.load(path)
        plan = try FaultPlan(schedule, names: names, seed: seed ?? folder.topology.swarm.seed)
        notApplied = NotApplied.of(schedule)
        relay = try await FaultRelay.bind(plan: plan, topology: folder.topology, host: "127.0.0.1")
        for (place, name) in names.enumerated() {
            let text =
                "# Made by `murmur swarm --faults` for \(name): its neighbours are reached through the relay.\n"
                + (await relay.topology(folder.topology, for: place)).yaml
            try text.write(toFile: topologyPath(of: name), atomically: true, encoding: .utf8)
        }
        if !notApplied.isEmpty {
            Terminal.note(
                "murmur: real processes do not go through these faults of \(path): "
                    + notApplied.joined(separator: ", ") + "; the simulator does")
        }
    }

    /// The topology that the peer called `name` is started with.
    func topologyPath(of name: String) -> String {
        folder.peer(name).appendingPathComponent("topology.yaml").path
    }

    /// When the peer called `name` is slow, of which a process is started now.
    func slownesses(of name: String, startedAfter elapsed: Duration) -> [Slowness] {
        names.firstIndex(of: name).map { Slowness.of(plan, peer: $0, startedAfter: elapsed) } ?? []
    }

    /// Writes what passed the relay to `DIR/relay.jsonl` once a second, until it is cancelled, and then once more.
    func recordTraffic(since origin: ContinuousClock.Instant) async {
        guard let file = try? LineFile(appendingTo: folder.relayTraffic) else { return }
        await relay.tellTraffic(since: origin, names: names) { file.append($0) }
        file.close()
    }

    /// What the faults did, for `summary.json`.
    func summary(_ processes: ProcessFaults) async -> FaultSummary {
        let traffic = await relay.links.map(\.traffic)
        return FaultSummary(
            name: plan.schedule.name, seed: plan.seed, crashes: processes.crashes, pauses: processes.pauses,
            datagramsTaken: traffic.reduce(0) { $0 + $1.taken },
            datagramsDelivered: traffic.reduce(0) { $0 + $1.delivered },
            datagramsDropped: traffic.reduce(0) { $0 + $1.dropped },
            datagramsDuplicated: traffic.reduce(0) { $0 + $1.duplicated },
            datagramsOverflowed: traffic.reduce(0) { $0 + $1.overflowed }, notApplied: notApplied)
    }
}
