import Foundation
package import InstructionTuning
package import Observability
package import Storage
package import SwarmFile

/// What `murmur compare` found: the table, and the content of `summary.json` and the report.
package struct SwarmComparison: Sendable {
    package let topology: SwarmTopology
    package let progress: SwarmProgress
    package let base: EvaluationSummary
    package let centralized: EvaluationSummary
    package let fedavg: EvaluationSummary
    /// By peer, in the topology's order.
    package let alone: [EvaluationSummary]
    package let gossip: [EvaluationSummary]
    package let consensusDistance: Double
    /// The scores of single records and what else is known; nil where only the summaries are.
    package let evidence: ComparisonEvidence?

    package init(
        topology: SwarmTopology, progress: SwarmProgress, base: EvaluationSummary, centralized: EvaluationSummary,
        fedavg: EvaluationSummary, alone: [EvaluationSummary], gossip: [EvaluationSummary], consensusDistance: Double,
        evidence: ComparisonEvidence? = nil
    ) {
        self.topology = topology
        self.progress = progress
        self.base = base
        self.centralized = centralized
        self.fedavg = fedavg
        self.alone = alone
        self.gossip = gossip
        self.consensusDistance = consensusDistance
        self.evidence = evidence
    }

    var names: [String] { topology.peers.map(\.name) }
    var aloneMean: EvaluationSummary { EvaluationSummary.mean(alone) ?? base }
    var gossipMean: EvaluationSummary { EvaluationSummary.mean(gossip) ?? base }

    /// How far gossip comes from the mean of the peers alone to FedAvg, by loss: one is all the way.
    package var shareOfTheWay: Double? {
        let way = aloneMean.loss - fedavg.loss
        return way > 0 ? (aloneMean.loss - gossipMean.loss) / way : nil
    }

    package var table: TextTable {
        var table = TextTable(heads: ["", "loss", "perplexity", "exact match", "ROUGE-L"])
        func add(_ name: String, _ summary: EvaluationSummary) {
            table.rows.append([
                name, Readable.number(summary.loss), Readable.number(summary.perplexity, digits: 2),
                Readable.percent(summary.exactMatch), Readable.percent(summary.rougeL),
            ])
        }
        add("base model", base)
        for (name, summary) in zip(names, alone) { add("\(name) alone", summary) }
        add("alone, mean", aloneMean)
        for (name, summary) in zip(names, gossip) { add("\(name) by gossip", summary) }
        add("gossip, mean", gossipMean)
        add("FedAvg server", fedavg)
        add("pooled data", centralized)
        return table
    }

    /// What is compared, and under which conditions.
    package var notes: [String] {
        let tuning = topology.tuning
        let work = "\(tuning.rounds) rounds of \(tuning.localWork)"
        let steps = tuning.localEpochs == nil ? "\(tuning.totalSteps) optimiser steps (\(work))" : work
        var notes = [
            "Measured on \(base.records) held-out records: loss in nats per response token, answers generated greedily. "
                + "Every row has \(steps) with batches of "
                + "\(tuning.batch) records a peer; pooled data has the same number of steps with batches of "
                + "\(tuning.batch * topology.peers.count), as many records as all peers together."
        ]
        if tuning.participation < 1 {
            notes.append(
                "\(Readable.percent(tuning.participation)) of the peers train in a round, drawn from the swarm's seed: a peer "
                    + "alone trains in as many rounds as it does in the swarm.")
        }
        if let share = shareOfTheWay {
            notes.append(
                "Gossip's mean loss comes \(Readable.percent(share)) of the way from the peers alone to FedAvg; "
                    + "consensus distance \(Readable.scientific(consensusDistance)).")
        }
        return notes
    }

    /// What a person is told.
    package func text(folder: String) -> String {
        (table.lines + [""] + notes + ["", "Adapters:  \(folder)/PEER/adapter   (PEFT directories)"]
            + ["Report:    \(folder)/report.html", "Figures:   \(folder)/summary.json"]
            + ["Left here: \(folder)/PEER/outgoing.jsonl   (the ledger of what left each peer)"]).joined(
                separator: "\n")
    }

    /// The figures, for programs.
    package var json: JSONValue {
        func peers(_ summaries: [EvaluationSummary]) -> JSONValue {
            .object(JSONObject(zip(names, summaries).map { ($0, $1.json) }))
        }
        let sent = names.map { progress.peers[$0]?.bytesSent ?? 0 }
        var members: [(String, JSONValue)] = [
            ("swarm", .text(topology.swarm.name)), ("base", base.json),
            ("local", .object(JSONObject([("mean", aloneMean.json), ("peers", peers(alone))]))),
            (
                "gossip",
                .object(
                    JSONObject([
                        ("mean", gossipMean.json), ("peers", peers(gossip)),
                        ("consensus_distance", .number(consensusDistance)),
                    ]))
            ),
            ("fedavg", fedavg.json), ("centralized", centralized.json),
            (
                "communication",
                .object(
                    JSONObject([
                        ("bytes_per_peer", .number(Double(sent.reduce(0, +)) / Double(max(1, sent.count)))),
                        ("rounds", .integer(topology.tuning.rounds)),
                    ]))
            ),
            ("share_of_the_way", shareOfTheWay.map { .number($0) } ?? .null),
        ]
        if let evidence {
            func pair(_ interval: ClosedRange<Double>?) -> JSONValue {
                interval.map { .array([.number($0.lowerBound), .number($0.upperBound)]) } ?? .null
            }
            let intervals = evidence.intervals(seed: topology.swarm.seed)
            members.append(
                (
                    "intervals",
                    .object(
                        JSONObject([
                            ("base", pair(intervals.base)), ("local", pair(intervals.alone)),
                            ("gossip", pair(intervals.gossip)), ("fedavg", pair(intervals.fedavg)),
                            ("centralized", pair(intervals.centralized)), ("gain", pair(intervals.gain)),
                            ("gossip_minus_fedavg", pair(intervals.behindServer)),
                        ]))
                ))
        }
        return .object(JSONObject(members))
    }
}
