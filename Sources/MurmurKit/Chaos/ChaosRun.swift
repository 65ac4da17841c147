import Basics
package import Faults
import Foundation
import Storage
import SwarmFile

/// `murmur chaos`: the relay alone, between peers that others start.
package struct ChaosRun: Sendable {
    private let relay: FaultRelay
    private let names: [String]
    private let folder: String
    /// Keeps other relays out of the folder.
    private let lock: FolderLock

    /// Binds the relay for the peers of `swarm`, and writes for each the topology file with which it goes through the relay
    /// into `folder`. What of the faults the relay does not apply is said.
    ///
    /// - Parameters:
    ///   - topologyPath: what messages call the topology.
    ///   - seed: of what is drawn, where the fault file has none; nil for the swarm's.
    ///   - host: the numeric address of this machine at which peers reach the relay.
    package init(
        swarm: SwarmComposition, topologyPath: String, faultsPath: String, seed: UInt64?, host: String, folder: String
    ) async throws {
        let schedule = try FaultSchedule.load(faultsPath)
        let topology = swarm.topology
        guard topology.isResolved else {
            throw CommandFailure("\(topologyPath) lacks an id, key or address; the peers need all of each other")
        }
        names = swarm.names
        self.folder = folder
        lock = try OutputFolder.chaos.claim(folder)
        let plan = try FaultPlan(schedule, names: names, seed: seed ?? topology.swarm.seed)
        relay = try await FaultRelay.bind(plan: plan, topology: topology, host: host)
        let url = URL(fileURLWithPath: folder, isDirectory: true)
        for (place, name) in names.enumerated() {
            try await relay.topology(topology, for: place).yaml.write(
                to: url.appendingPathComponent("\(name).yaml"), atomically: true, encoding: .utf8)
        }
        let notApplied = NotApplied.of(schedule, networkOnly: true)
        if !notApplied.isEmpty {
            Terminal.note("murmur: the relay alone does not apply: \(notApplied.joined(separator: ", "))")
        }
    }

    /// Relays until a signal asks to stop; prints what passed each link once a second.
    package func carry() async {
        let origin = ContinuousClock.now
        let stops = Signals.stopRequests()
        await relay.start(at: origin)
        Terminal.note("murmur: relaying; topology files for the peers are in \(folder)")
        let printer = Task {
            await relay.tellTraffic(since: origin, names: names) { Terminal.print(String(decoding: $0, as: UTF8.self)) }
        }
        for await _ in stops { break }
        printer.cancel()
        await printer.value
        await relay.close()
    }
}

/// What of a fault schedule real processes do not go through, in words, so that nobody takes silence for a test passed.
package enum NotApplied {
    /// Kinds of faults in `schedule` that `murmur swarm --faults` passes over; with `networkOnly` those of the relay
    /// alone, which starts and stops no processes.
    package static func of(_ schedule: FaultSchedule, networkOnly: Bool = false) -> [String] {
        var words: [String] = []
        for fault in schedule.peers {
            let word: String? =
                switch fault.kind {
                case .crash: networkOnly ? "crash" : nil
                case .absent: networkOnly ? "absent" : nil
                case .pause: networkOnly ? "pause" : nil
                case .churn: networkOnly ? "churn" : nil
                case .slow: networkOnly ? "slow" : nil
                case .clockStep: "clock-step"
                case .clockDrift: "clock-drift"
                case .disk(let disk): "disk \(disk.rawValue)"
                case .rebind: "rebind"
                case .byzantine: "byzantine"
                }
            if let word, !words.contains(word) { words.append(word) }
        }
        for intruder in schedule.intruders {
            let word = "intruder \(intruder.kind.rawValue)"
            if !words.contains(word) { words.append(word) }
        }
        return words
    }
}
