import Foundation
package import Observability
import Overlay
package import SwarmFile

/// What a run of a swarm came to: the content of `summary.json` and `report.html`.
package struct SwarmResult: Encodable, Sendable {
    /// One peer's part.
    package struct PeerPart: Encodable, Sendable, Hashable {
        package let phase: String
        package let rounds: Int
        package let lastLoss: Double?
        package let bytesSent: Int
        package let bytesReceived: Int
        package let failure: String?
        /// The mean negative log-likelihood a response token on the held-out records; nil where it was not measured.
        package var heldOutLoss: Double?

        private enum CodingKeys: String, CodingKey {
            case phase, rounds, lastLoss, bytesSent, bytesReceived, failure
            case heldOutLoss = "held_out_loss"
        }
    }

    package let swarm: String
    package let rounds: Int
    package let seconds: Double
    /// Whether every peer took part to the end.
    package let finished: Bool
    /// Whether it was asked to stop before.
    package let stopped: Bool
    /// The consensus distance of the adapters that the peers left; nil where it was not measured.
    package var consensusDistance: Double?
    package let consensusBound: Double
    package private(set) var peers: [String: PeerPart]
    package let faults: FaultSummary?

    private enum CodingKeys: String, CodingKey {
        case swarm, rounds, seconds, finished, stopped, peers, faults
        case consensusDistance = "consensus_distance"
        case consensusBound = "consensus_bound"
    }

    private let order: [String]

    /// Sums up what is known of a run of `topology`; `failed` says of peers whose process is given up why.
    package init(
        topology: SwarmTopology, progress: SwarmProgress, failed: [String: String], stopped: Bool, seconds: Double,
        faults: FaultSummary? = nil
    ) {
        order = topology.peers.map(\.name)
        swarm = topology.swarm.name
        rounds = topology.tuning.rounds
        self.seconds = seconds
        self.stopped = stopped
        self.faults = faults
        consensusBound = topology.exchange.consensusBound
        var parts: [String: PeerPart] = [:]
        for name in order {
            let state = progress.peers[name] ?? .init()
            parts[name] = PeerPart(
                phase: state.phase, rounds: state.losses.count, lastLoss: state.loss, bytesSent: state.bytesSent,
                bytesReceived: state.bytesReceived, failure: failed[name])
        }
        peers = parts
        finished = failed.isEmpty && parts.values.allSatisfy { $0.phase == "finished" }
    }

    /// Enters the losses on the held-out records, in the order of the topology.
    package mutating func enter(heldOutLosses losses: [Double?]) {
        for (name, loss) in zip(order, losses) { peers[name]?.heldOutLoss = loss }
    }

    /// Name and value of what is worth knowing of the run.
    package var facts: [(String, String)] {
        [
            ("peers", "\(peers.count)"), ("rounds", "\(rounds)"),
            ("wall time", Readable.number(seconds, digits: 1) + " s"),
            ("sent by all peers", Readable.bytes(peers.values.reduce(0) { $0 + $1.bytesSent })),
            (
                "consensus distance",
                "\(Readable.scientific(consensusDistance)) (bound \(Readable.scientific(consensusBound)))"
            ),
        ]
    }

    /// What a person is told at the end.
    package func text(folder: String) -> String {
        var lines = facts.map { name, value in "\(name): \(value)" }
        if let faults {
            lines.append(
                "faults (\(faults.name), seed \(faults.seed)): \(faults.crashes) crashes, \(faults.pauses) pauses, "
                    + "\(faults.datagramsDropped) of \(faults.datagramsTaken) datagrams dropped, "
                    + "\(faults.datagramsDuplicated) doubled")
            if !faults.notApplied.isEmpty {
                lines.append("faults not applied to real processes: \(faults.notApplied.joined(separator: ", "))")
            }
        }
        for name in order {
            if let failure = peers[name]?.failure { lines.append("\(name) \(failure)") }
        }
        if stopped { lines.append("Stopped before the end; the same command goes on from the checkpoints.") }
        if finished { lines.append("Adapters: \(folder)/PEER/adapter   report: \(folder)/report.html") }
        return lines.joined(separator: "\n")
    }
}

/// What the faults of a run did.
package struct FaultSummary: Encodable, Sendable, Hashable {
    package let name: String
    package let seed: UInt64
    package let crashes: Int
    package let pauses: Int
    package let datagramsTaken: Int
    package let datagramsDelivered: Int
    package let datagramsDropped: Int
    package let datagramsDuplicated: Int
    package let datagramsOverflowed: Int
    package let notApplied: [String]

    private enum CodingKeys: String, CodingKey {
        case name, seed, crashes, pauses
        case datagramsTaken = "datagrams_taken"
        case datagramsDelivered = "datagrams_delivered"
        case datagramsDropped = "datagrams_dropped"
        case datagramsDuplicated = "datagrams_duplicated"
        case datagramsOverflowed = "datagrams_overflowed"
        case notApplied = "not_applied"
    }

    package init(
        name: String, seed: UInt64, crashes: Int, pauses: Int, datagramsTaken: Int, datagramsDelivered: Int,
        datagramsDropped: Int, datagramsDuplicated: Int, datagramsOverflowed: Int, notApplied: [String]
    ) {
        self.name = name
        self.seed = seed
        self.crashes = crashes
        self.pauses = pauses
        self.datagramsTaken = datagramsTaken
        self.datagramsDelivered = datagramsDelivered
        self.datagramsDropped = datagramsDropped
        self.datagramsDuplicated = datagramsDuplicated
        self.datagramsOverflowed = datagramsOverflowed
        self.notApplied = notApplied
    }
}
