import Adapters
import Aggregation
import Basics
import Cryptography
import Foundation
import Storage
import SwarmFile

/// Writes an adapter's folder: what PEFT reads, and the card that says how the adapter came about.
struct AdapterProvenance: Sendable {
    /// What holds for every adapter of the run.
    private let facts: [(name: String, value: String)]

    /// - Parameters:
    ///   - records: how many records this trainer has; they are counted and never shown. Nil where that is not known.
    ///   - peer: the peer's name; nil for an adapter that was tuned alone.
    init(_ topology: SwarmTopology, baseModelDigest: [UInt8], records: Int?, peer: String?) {
        let tuning = topology.tuning
        var facts: [(name: String, value: String)] = []
        if let peer {
            facts.append(
                ("Tuned by", "a swarm of \(topology.peers.count) peers, without a server; this is \(peer)'s copy"))
            facts.append(("Rounds", "\(tuning.rounds), each of \(tuning.localWork)"))
            facts.append(("Averaging", topology.exchange.mixing.rawValue))
            if let records {
                facts.append(("Records", "\(records) of this peer; how many the others hold is theirs to say"))
            }
        } else {
            facts.append(("Tuned by", "one machine alone"))
            if let records { facts.append(("Records", "\(records)")) }
        }
        facts.append(("Records a step", "\(tuning.recordsPerStep), cut at \(tuning.cutoff) tokens"))
        // A file of one's own is named by its last part alone.
        facts.append(("Prompt template", URL(fileURLWithPath: tuning.template).lastPathComponent))
        facts.append(("Seed", "\(topology.swarm.seed)"))
        facts.append(("Base model, BLAKE2b-256", baseModelDigest.hexadecimal))
        facts.append(("Made with", "Murmuration, in the files of PEFT"))
        self.facts = facts
    }

    /// Writes `adapter` and its card into the folder `path`.
    ///
    /// - Parameters:
    ///   - progress: what is known of this adapter in particular, as `("Steps", "300")`.
    ///   - metrics: what was measured of it.
    func write(
        _ adapter: PEFTAdapter, to path: String, progress: [(name: String, value: String)] = [],
        metrics: [ModelCard.Metric] = []
    ) throws {
        try PEFTDirectory.write(adapter, to: path)
        let digest = try ModelComposition.digest(ofFile: "\(path)/\(PEFTDirectory.tensorsName)")
        let own = [(name: "\(PEFTDirectory.tensorsName), BLAKE2b-256", value: digest.hexadecimal)]
        try card(progress + own, metrics: metrics).write(of: adapter, to: path)
    }

    /// The card of an adapter of the run of which `progress` is known.
    func card(_ progress: [(name: String, value: String)], metrics: [ModelCard.Metric] = []) -> ModelCard {
        ModelCard(facts: facts + progress, metrics: metrics)
    }
}
