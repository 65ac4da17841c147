import Foundation
import InstructionTuning
import Observability
import Storage
import SwarmFile

/// What `murmur compare` found: the table, `summary.json` and the report.
struct ComparisonResult {
    let topology: SwarmTopology
    let progress: SwarmProgress
    let base: EvaluationSummary
    let centralized: EvaluationSummary
    let fedavg: EvaluationSummary
    /// By peer, in the topology's order.
    let local: [EvaluationSummary]
    let gossip: [EvaluationSummary]
    let consensusDistance: Double

    private var names: [String] { topology.peers.map(\.name) }
    private var localMean: EvaluationSummary { EvaluationSummary.mean(local) ?? base }
    private var gossipMean: EvaluationSummary { EvaluationSummary.mean(gossip) ?? base }

    /// How far gossip comes from the local mean to FedAvg, by loss: one is all the way.
    var shareOfTheWay: Double? {
        let way = localMean.loss - fedavg.loss
        return way > 0 ? (localMean.loss - gossipMean.loss) / way : nil
    }

    /// The table.
    var table: TextTable {
        var table = TextTable(heads: ["", "loss", "perplexity", "exact match", "ROUGE-L"])
        func add(_ name: String, _ summary: EvaluationSummary) {
            table.rows.append([
                name, Readable.number(summary.loss), Readable.number(summary.perplexity, digits: 2),
                Readable.percent(summary.exactMatch), Readable.percent(summary.rougeL),
            ])
        }
        add("base model", base)
        for (name, summary) in zip(names, local) { add("\(name) alone", summary) }
        add("alone, mean", localMean)
        for (name, summary) in zip(names, gossip) { add("\(name) by gossip", summary) }
        add("gossip, mean", gossipMean)
        add("FedAvg server", fedavg)
        add("pooled data", centralized)
        return table
    }

    /// What is compared, and under which conditions.
    var notes: [String] {
        let tuning = topology.tuning
        let steps = tuning.rounds * tuning.localSteps
        var notes = [
            "Measured on \(base.records) held-out records: loss in nats per response token, answers generated greedily. "
                + "Every row has \(steps) optimiser steps (\(tuning.rounds) rounds of \(tuning.localSteps)) with batches of "
                + "\(tuning.batch) records a peer; pooled data has the same number of steps with batches of "
                + "\(tuning.batch * topology.peers.count), as many records as all peers together."
        ]
        if let share = shareOfTheWay {
            notes.append(
                "Gossip's mean loss comes \(Readable.percent(share)) of the way from the peers alone to FedAvg; "
                    + "consensus distance \(Readable.scientific(consensusDistance)).")
        }
        return notes
    }

    /// What a person is told.
    func text(folder: String) -> String {
        (table.lines + [""] + notes + ["", "Adapters:  \(folder)/PEER/adapter   (PEFT directories)"]
            + ["Report:    \(folder)/report.html", "Figures:   \(folder)/summary.json"]
            + ["Left here: \(folder)/PEER/outgoing.jsonl   (the ledger of what left each peer)"]).joined(
                separator: "\n")
    }

    /// Writes `summary.json` and `report.html`.
    func write(to folder: RunFolder) throws {
        try AtomicFile.write(json.encoded(indented: true), to: folder.url.appendingPathComponent("summary.json").path)
        let tuning = topology.tuning
        let report = HTMLReport(
            swarm: topology.swarm.name,
            facts: [
                ("base model", topology.model.base), ("peers", "\(names.count)"),
                ("rounds", "\(tuning.rounds) of \(tuning.localSteps) local steps"),
                ("sent by all peers", Readable.bytes(progress.bytesSent)),
                ("consensus distance", Readable.scientific(consensusDistance)),
            ],
            progress: progress, comparison: table, notes: notes, topology: try TopologyDrawing(topology))
        try AtomicFile.write(Array(report.html.utf8), to: folder.url.appendingPathComponent("report.html").path)
    }

    private var json: JSONValue {
        func peers(_ summaries: [EvaluationSummary]) -> JSONValue {
            .object(JSONObject(zip(names, summaries).map { ($0, $1.json) }))
        }
        let sent = names.map { progress.peers[$0]?.bytesSent ?? 0 }
        return .object(
            JSONObject([
                ("swarm", .text(topology.swarm.name)), ("base", base.json),
                ("local", .object(JSONObject([("mean", localMean.json), ("peers", peers(local))]))),
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
            ]))
    }
}

extension RunFolder {
    /// Whether every peer has left its adapter.
    var holdsAllAdapters: Bool {
        topology.peers.allSatisfy { peer in
            FileManager.default.fileExists(
                atPath: adapter(of: peer.name).appendingPathComponent("adapter_config.json").path)
        }
    }

    /// What the peers' event logs tell.
    func progress() -> SwarmProgress {
        var progress = SwarmProgress(names: topology.peers.map(\.name))
        for peer in topology.peers {
            for event in (try? LoggedEvent.read(events(of: peer.name))) ?? [] { progress.record(event) }
        }
        return progress
    }
}
