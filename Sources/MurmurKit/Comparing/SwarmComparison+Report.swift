import Foundation
import InstructionTuning
package import Observability
import Storage
import SwarmFile

extension SwarmComparison {
    /// How gossip did, with intervals where the scores of single records are known.
    package var outcome: Outcome {
        let intervals = evidence?.intervals(seed: topology.swarm.seed)
        let gaps = intervals?.peers ?? names.map { _ in nil }
        return Outcome(
            records: base.records, base: .init(base.loss, intervals?.base),
            alone: .init(aloneMean.loss, intervals?.alone), together: .init(gossipMean.loss, intervals?.gossip),
            server: .init(fedavg.loss, intervals?.fedavg), pooled: .init(centralized.loss, intervals?.centralized),
            gain: .init(aloneMean.loss - gossipMean.loss, intervals?.gain),
            behindServer: .init(gossipMean.loss - fedavg.loss, intervals?.behindServer),
            peers: names.indices.map { index in
                .init(name: names[index], alone: alone[index].loss, together: gossip[index].loss, gain: gaps[index])
            })
    }

    /// What each peer gains over alone, in all and by category.
    package var gains: HeatMap {
        let categories = base.categories.map(\.name)
        func loss(_ summary: EvaluationSummary, _ category: String) -> Double? {
            summary.categories.first { $0.name == category }?.summary.loss
        }
        let sizes = base.categories.map(\.summary.records)
        let each = sizes.min() == sizes.max() ? "\(sizes.min() ?? 0)" : "\(sizes.min() ?? 0) to \(sizes.max() ?? 0)"
        return HeatMap(
            title: "Gain over alone by peer and category",
            caption: categories.isEmpty
                ? "The records have no categories."
                : "Loss alone minus loss together; \(each) held-out records a category.",
            kind: .diverging, unit: "nats a token", columns: ["all"] + categories.map { $0.isEmpty ? "(none)" : $0 },
            rows: names.indices.map { index in
                let all: Double? = alone[index].loss - gossip[index].loss
                let parts = categories.map { category -> Double? in
                    guard let one = loss(alone[index], category), let other = loss(gossip[index], category) else {
                        return nil
                    }
                    return one - other
                }
                return (names[index], [all] + parts)
            }, digits: 2)
    }

    /// The table of the report: single peers stand in the heat map, so this has their mean, best and worst only.
    package var shortTable: TextTable {
        var table = TextTable(heads: ["", "loss", "perplexity", "exact match", "ROUGE-L"])
        func add(_ name: String, _ summary: EvaluationSummary?) {
            guard let summary else { return }
            table.rows.append([
                name, Readable.number(summary.loss), Readable.number(summary.perplexity, digits: 2),
                Readable.percent(summary.exactMatch), Readable.percent(summary.rougeL),
            ])
        }
        func addAll(_ name: String, _ summaries: [EvaluationSummary], mean: EvaluationSummary) {
            let sorted = summaries.sorted { $0.loss < $1.loss }
            add("\(name), mean of \(summaries.count)", mean)
            // Peers that agree are one row.
            guard let best = sorted.first, let worst = sorted.last, worst.loss - best.loss >= 0.0005 else { return }
            add("\(name), best peer", best)
            add("\(name), worst peer", worst)
        }
        add("base model", base)
        addAll("alone", alone, mean: aloneMean)
        addAll("gossip", gossip, mean: gossipMean)
        add("FedAvg server", fedavg)
        add("pooled data", centralized)
        return table
    }

    /// Enters what was compared into the report of a run.
    func enter(into report: inout HTMLReport) {
        report.outcome = outcome
        report.comparison = shortTable
        report.notes = notes
        report.gains = gains
        report.server = evidence?.server
        report.samplePeer = names.first ?? ""
        report.samples = evidence?.samples(peer: 0) ?? []
        report.facts.insert(
            ("consensus distance", Readable.scientific(consensusDistance)), at: min(6, report.facts.count))
    }
}

extension RunFolder {
    /// Writes `summary.json` and `report.html`.
    package func write(_ result: SwarmComparison) throws {
        try AtomicFile.write(result.json.encoded(indented: true), to: summary.path)
        var participation = try SwarmParticipation(topology)
        for peer in topology.peers {
            for line in (try? LoggedEvent.read(events(of: peer.name))) ?? [] { participation.record(line) }
        }
        var report = try report(participation: participation.table, partition: result.evidence?.partition)
        result.enter(into: &report)
        try AtomicFile.write(Array(report.html.utf8), to: self.report.path)
    }
}
