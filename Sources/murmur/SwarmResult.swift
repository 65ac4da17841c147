import Aggregation
import Foundation
import Observability
import Overlay
import SwarmFile

/// What a run of a swarm came to; written as `summary.json` and `report.html`.
struct SwarmResult: Encodable {
    /// One peer's part.
    struct PeerPart: Encodable {
        let phase: String
        let rounds: Int
        let lastLoss: Double?
        let bytesSent: Int
        let bytesReceived: Int
        let failure: String?
        /// The mean negative log-likelihood a response token on the held-out records; nil where it was not measured.
        var heldOutLoss: Double?

        private enum CodingKeys: String, CodingKey {
            case phase, rounds, lastLoss, bytesSent, bytesReceived, failure
            case heldOutLoss = "held_out_loss"
        }
    }

    let swarm: String
    let rounds: Int
    let seconds: Double
    let finished: Bool
    let stopped: Bool
    let consensusDistance: Double?
    let consensusBound: Double
    private(set) var peers: [String: PeerPart]
    let faults: FaultSummary?

    private enum CodingKeys: String, CodingKey {
        case swarm, rounds, seconds, finished, stopped, peers, faults
        case consensusDistance = "consensus_distance"
        case consensusBound = "consensus_bound"
    }

    private let order: [String]

    /// Sums up `progress`, measures the adapters that the peers left, and writes the report.
    init(
        folder: RunFolder, progress: SwarmProgress, failed: [String: String], stopped: Bool, seconds: Double,
        faults: FaultSummary? = nil
    ) throws {
        let topology = folder.topology
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
        consensusDistance = try finished ? Self.measureConsensus(folder) : nil
        try write(to: folder, progress: progress)
    }

    /// The consensus distance of the deltas that the peers' adapter directories hold.
    private static func measureConsensus(_ folder: RunFolder) throws -> Double {
        let composition = try Composition(folder.topology)
        let deltas = try folder.topology.peers.map { peer in
            try composition.delta(ofAdapterIn: folder.adapter(of: peer.name).path)
        }
        return ConsensusDistance.relative(deltas)
    }

    private func write(to folder: RunFolder, progress: SwarmProgress) throws {
        try JSONText.of(self).write(
            to: folder.url.appendingPathComponent("summary.json"), atomically: true, encoding: .utf8)
        let report = HTMLReport(
            swarm: swarm, facts: facts, progress: progress, comparison: nil,
            notes: ["`murmur compare` adds the comparison with the alternatives."],
            topology: try TopologyDrawing(folder.topology))
        try report.html.write(
            to: folder.url.appendingPathComponent("report.html"), atomically: true, encoding: .utf8)
    }

    /// Measures the adapters that the peers left on the held-out records, and writes the summary again.
    mutating func measure(_ folder: RunFolder) async throws {
        let composition = try Composition(folder.topology)
        let partition = try Composition.partition(folder.topology)
        let deltas = try order.map { try composition.delta(ofAdapterIn: folder.adapter(of: $0).path) }
        let losses = try await composition.heldOutLosses(of: deltas, partition)
        for (name, loss) in zip(order, losses) { peers[name]?.heldOutLoss = loss }
        try JSONText.of(self).write(
            to: folder.url.appendingPathComponent("summary.json"), atomically: true, encoding: .utf8)
    }

    /// Name and value of what is worth knowing of the run.
    var facts: [(String, String)] {
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
    func text(folder: String) -> String {
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

extension TopologyDrawing {
    /// The graph of `topology`.
    init(_ topology: SwarmTopology) throws {
        self.init(
            names: topology.peers.map(\.name), edges: try topology.swarmGraph().edges.map { ($0.first, $0.second) })
    }
}
