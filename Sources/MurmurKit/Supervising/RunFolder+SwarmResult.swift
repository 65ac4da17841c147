package import Adapters
import Aggregation
import Foundation
import InstructionTuning
import Observability
import Overlay
import SwarmFile

extension RunFolder {
    /// How far apart adapters of this swarm's peers are, in what they agree on.
    package func consensusDistance(of deltas: [AdapterDelta]) -> Double {
        let parts = deltas.compactMap { delta in
            let factors = FactorExchange(
                topology.exchange.factors, schema: delta.schema, rounds: topology.tuning.rounds)
            return delta.restricted(to: factors.shared)
        }
        return ConsensusDistance.relative(parts)
    }

    /// Measures how far apart the adapters are that the peers left.
    func measureConsensus(_ result: inout SwarmResult) throws {
        // What the swarm agreed on, also of who keeps its own adapter. The base model may be too large for this machine, or
        // have no weights here: its trainers may be elsewhere.
        let outline = try ModelOutline(topology)
        let agreed = try topology.peers.map { peer in
            let common = self.peer(peer.name).appendingPathComponent("common", isDirectory: true)
            let isApart = FileManager.default.fileExists(atPath: common.path)
            return try outline.delta(ofAdapterIn: (isApart ? common : adapter(of: peer.name)).path)
        }
        result.consensusDistance = consensusDistance(of: agreed)
    }

    /// Measures the adapters that the peers left on the held-out records.
    func measureLosses(_ result: inout SwarmResult) async throws {
        let composition = try ModelComposition(topology)
        let partition = try ModelComposition.partition(topology)
        let losses = try await composition.heldOutLosses(of: try deltas(for: composition), partition)
        result.enter(heldOutLosses: losses.map { $0?.loss })
        for (peer, loss) in zip(topology.peers, losses) {
            guard let loss else { continue }
            try? ModelCard.add([.heldOut(loss)], toCardIn: adapter(of: peer.name).path)
        }
    }

    /// Writes `summary.json` and `report.html`.
    func write(_ result: SwarmResult, _ progress: SwarmProgress) throws {
        try JSONText.of(result).write(to: summary, atomically: true, encoding: .utf8)
        var report = try report(
            participation: result.participation.table,
            partition: (try? ModelComposition.partition(topology))?.report)
        report.progress = progress
        report.gaveNothing = result.gain?.sentences(topology.peers.map(\.name)) ?? []
        report.facts.insert(
            ("consensus distance", "\(Readable.scientific(result.consensusDistance))"), at: min(6, report.facts.count))
        if let faults = result.faults { report.facts.append(("faults", faults.text)) }
        try report.html.write(to: self.report, atomically: true, encoding: .utf8)
    }
}
