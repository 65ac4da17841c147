import Aggregation
import Federation
import Foundation
import InstructionTuning
import Observability
import Overlay
import Storage
import SwarmFile

/// What `murmur --version` says.
package enum Release {
    package static let version = "0.2.0"
}

extension RunFolder {
    /// The report of a run as far as its folder tells: the peers' logs, the relay's statistics, the topology.
    ///
    /// - Parameters:
    ///   - participation: who took part, as a table.
    ///   - partition: what the peers hold by category; nil where that is not known.
    func report(participation: TextTable, partition: PartitionReport?) throws -> HTMLReport {
        let names = topology.peers.map(\.name)
        var progress = SwarmProgress(names: names, rounds: topology.tuning.rounds)
        var timeline = RunTimeline(names: names)
        var records: [String: Int] = [:]
        var gains = GainMatrix(names: names)
        for name in names {
            for event in (try? LoggedEvent.read(events(of: name))) ?? [] {
                progress.record(event)
                timeline.record(event)
                gains.record(event)
                if event.event == "trains_on" { records[event.peer] = event.integer("records") }
            }
        }
        timeline.losses = relayLosses()
        let counts = names.map { records[$0] }
        let graph = try topology.swarmGraph()
        let rule = ExchangePolicy(topology).mixing
        let samples = topology.exchange.weights == .samples ? counts.map { $0 ?? 1 } : counts.map { _ in 1 }
        let matrix = rule.matrix(of: graph, sampleCounts: samples)

        var report = HTMLReport(swarm: topology.swarm.name, progress: progress)
        report.participation = participation
        report.timeline = timeline
        report.gainMatrix = gains
        report.gaveNothing = GainSummary(gains)?.sentences(names) ?? []
        report.contraction =
            TopologyAudit(graph: graph, matrix: matrix, turns: rule.matrices(of: graph, sampleCounts: samples))
            .secondEigenvalueModulus
        report.topology = Self.drawing(graph, matrix, names: names, records: counts)
        report.partition = partition.map(HeatMap.init)
        report.facts = facts(progress, start: timeline.start)
        return report
    }

    /// The graph: peers as large as what they hold, edges as thick as what passes along them.
    private static func drawing(
        _ graph: SwarmGraph, _ matrix: MixingMatrix?, names: [String], records: [Int?]
    ) -> GraphDrawing {
        GraphDrawing(
            title: "Who mixes with whom",
            caption: "The area of a peer is its number of records, the width of a line the mixing weight"
                + (matrix == nil ? ", which this mixing rule does not fix." : "."),
            nodes: zip(names, records).map { name, count in
                .init(name: name, size: count.map(Double.init), note: count.map { "\($0) records" } ?? "")
            },
            edges: graph.edges.map { edge in
                .init(
                    edge.first, edge.second,
                    weight: matrix.map { ($0[edge.first, edge.second] + $0[edge.second, edge.first]) / 2 })
            })
    }

    /// When and how long, which version, and every setting of the topology that peers share.
    private func facts(_ progress: SwarmProgress, start: Double?) -> [(String, String)] {
        var facts: [(String, String)] = []
        if let start { facts.append(("date", SwarmTopology.date(start))) }
        facts += [
            ("wall time", Readable.number(progress.seconds, digits: 1) + " s"), ("murmur", Release.version),
            ("seed", "\(topology.swarm.seed)"), ("peers", "\(topology.peers.count)"),
            ("sent by all peers", Readable.bytes(progress.bytesSent)),
        ]
        return facts + topology.facts
    }

    /// What the relay had taken and dropped in all, each time it told; empty where there was none.
    private func relayLosses() -> [RunTimeline.Loss] {
        guard let data = try? Data(contentsOf: relayTraffic) else { return [] }
        var links: [String: (taken: Int, dropped: Int)] = [:]
        var losses: [RunTimeline.Loss] = []
        for line in data.split(separator: UInt8(ascii: "\n")) {
            guard let object = try? JSONValue.parse(Array(line)).object, let time = object["time"]?.double,
                let from = object["from"]?.text, let to = object["to"]?.text, let taken = object["taken"]?.int,
                let dropped = object["dropped"]?.int
            else { continue }
            let before = links["\(from) \(to)"] ?? (0, 0)
            links["\(from) \(to)"] = (taken, dropped)
            let last = losses.last ?? .init(time: 0, taken: 0, dropped: 0)
            // A relay that began again counts from zero.
            let next = RunTimeline.Loss(
                time: time, taken: last.taken + max(0, taken - before.taken),
                dropped: last.dropped + max(0, dropped - before.dropped))
            if last.time == time, !losses.isEmpty { losses.removeLast() }
            losses.append(next)
        }
        return losses
    }
}

extension HeatMap {
    /// How many records of each category each peer holds.
    init(_ partition: PartitionReport) {
        self.init(
            title: "Records by peer and category", kind: .sequential, unit: "records",
            columns: ["all"] + partition.categories.map { $0.isEmpty ? "(none)" : $0 },
            rows: partition.peers.map { ($0.name, [Double($0.records)] + $0.counts.map(Double.init)) }, digits: 0,
            sums: 1)
    }
}
