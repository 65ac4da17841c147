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
        /// The exit code of the peer's process; nil where a signal ended it.
        package let exit: Int32?
        package let participation: ParticipationSummary?
        /// The mean negative log-likelihood a response token on the held-out records; nil where it was not measured.
        package var heldOutLoss: Double?
        /// Whether the peer keeps its own adapter in place of the common one; nil where it was not asked to choose.
        package let keepsOwn: Bool?

        private enum CodingKeys: String, CodingKey {
            case phase, rounds, lastLoss, bytesSent, bytesReceived, failure, exit, participation
            case heldOutLoss = "held_out_loss"
            case keepsOwn = "keeps_own"
        }
    }

    package let swarm: String
    package let rounds: Int
    package let seconds: Double
    /// Whether every peer has its final adapter.
    package let finished: Bool
    /// What the run is worth: the command's exit code.
    package let status: ExitStatus
    /// Who is left out, and why.
    package let leftOut: [String: String]
    /// Whether it was asked to stop before.
    package let stopped: Bool
    /// The consensus distance of the adapters that the peers left; nil where it was not measured.
    package var consensusDistance: Double?
    package let consensusBound: Double
    package private(set) var peers: [String: PeerPart]
    package let faults: FaultSummary?
    /// Who gained from whom; nil where nobody measured.
    package let gain: GainSummary?

    private enum CodingKeys: String, CodingKey {
        case swarm, rounds, seconds, finished, stopped, peers, faults, gain
        case status = "exit"
        case leftOut = "left_out"
        case consensusDistance = "consensus_distance"
        case consensusBound = "consensus_bound"
    }

    private let order: [String]
    let participation: SwarmParticipation

    /// Sums up what is known of a run of `topology` that is done with as many peers as `quorum` asks for.
    package init(
        topology: SwarmTopology, progress: SwarmProgress, participation: SwarmParticipation, quorum: Quorum,
        stopped: Bool, seconds: Double, faults: FaultSummary? = nil
    ) {
        order = topology.peers.map(\.name)
        self.participation = participation
        status = participation.status(quorum, stopped: stopped)
        leftOut = Dictionary(participation.leftOut.map { ($0.name, $0.reason) }) { first, _ in first }
        swarm = topology.swarm.name
        rounds = topology.tuning.rounds
        self.seconds = seconds
        self.stopped = stopped
        self.faults = faults
        let idle = topology.peers.map(\.name).filter {
            participation.peers[$0].map { $0.trained.total == 0 && $0.isFinished } ?? false
        }
        gain = GainSummary(participation.gains, idle: idle)
        consensusBound = topology.exchange.consensusBound
        var parts: [String: PeerPart] = [:]
        for name in order {
            let state = progress.peers[name] ?? .init()
            parts[name] = PeerPart(
                phase: state.phase, rounds: state.losses.count, lastLoss: state.loss, bytesSent: state.bytesSent,
                bytesReceived: state.bytesReceived, failure: participation.failures[name],
                exit: participation.endings[name]?.rawValue, participation: participation.peers[name]?.summary,
                keepsOwn: participation.keepsOwn[name])
        }
        peers = parts
        finished = participation.failures.isEmpty && parts.values.allSatisfy { $0.phase == "finished" }
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
            lines.append("faults \(faults.text)")
            if !faults.notApplied.isEmpty {
                lines.append("faults not applied to real processes: \(faults.notApplied.joined(separator: ", "))")
            }
        }
        lines += [""] + participation.table.lines + [""]
        for name in order {
            if let failure = peers[name]?.failure { lines.append("\(name) \(failure)") }
            for damage in peers[name]?.participation?.damaged ?? [] {
                lines.append("\(name) passed over at a start: \(damage)")
            }
        }
        for (name, reason) in participation.leftOut where !stopped && peers[name]?.failure == nil {
            lines.append("without \(name): \(reason)")
        }
        lines += gain?.sentences(order) ?? []
        for name in order where peers[name]?.keepsOwn == true {
            lines.append("\(name) keeps its own adapter: the common one has more loss on its validation part.")
        }
        if stopped { lines.append("Stopped before the end; the same command goes on from the checkpoints.") }
        if status != .success { lines.append("Exit code \(status.rawValue): \(status.meaning).") }
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

    /// What they did, in words.
    var text: String {
        "(\(name), seed \(seed)): \(crashes) crashes, \(pauses) pauses, \(datagramsDropped) of \(datagramsTaken) datagrams "
            + "dropped, \(datagramsDuplicated) doubled"
    }

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
