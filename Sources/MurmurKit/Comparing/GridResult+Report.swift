import Federation
import Foundation
package import Observability
import Overlay
import SwarmFile

extension GridResult {
    /// The keys of the grid that tell rows apart, in the order of the command line.
    var keys: [String] {
        let all = plan.axes.filter { $0.values.count > 1 && $0.name != GridKey.learningRate }.map(\.name)
        return rows.contains { row in row.cell.labels.contains { $0.key == GridCell.Label.steps } }
            ? all + [GridCell.Label.steps] : all
    }

    /// Heads and rows of the table, for people.
    private var cells: (heads: [String], rows: [[String]]) {
        let hasAnswers = measure.answers > 0
        var heads = ["arm"] + keys.map { $0.split(separator: ".").last.map(String.init) ?? $0 }
        heads += ["rate", "rounds × steps", "MB a peer", "held-out loss", "before settling (worst), average"]
        if hasAnswers { heads.append("exact match") }
        heads += ["− FedAvg", "− best FedAvg", "better than alone"]
        var lines: [[String]] = []
        for row in rows {
            lines.append(line(row, row.arm.title, losses: row.losses, hasAnswers))
            guard row.arm == .alone else { continue }
            for (title, end) in [
                ("alone, best peer", \ClosedRange<Double>.lowerBound), ("alone, worst peer", \.upperBound),
            ] {
                lines.append(
                    line(row, title, losses: row.outcomes.map { $0?.range(.alone)?[keyPath: end] }, hasAnswers))
            }
        }
        return (heads, lines)
    }

    private func line(_ row: Row, _ title: String, losses: [Double?], _ hasAnswers: Bool) -> [String] {
        var entries = [title]
        entries += keys.map { key in row.cell.labels.first { $0.key == key }?.value ?? "" }
        let mark = row.choice.map { $0.place == .lowest || $0.place == .highest ? " (edge)" : "" } ?? ""
        entries.append(row.arm == .base ? "" : (row.choice?.rate ?? "none") + mark)
        let tuning = row.cell.setting.topology.tuning
        switch row.arm {
        case .base: entries.append("")
        case .alone, .once, .pooledSteps: entries.append(tuning.totalWork)
        case .pooledRecords:
            entries.append(
                tuning.localEpochs == nil ? "\(tuning.totalSteps * peersThatTrain(row))" : tuning.totalWork)
        case .fedavg, .gossip:
            entries.append(
                "\(tuning.rounds) × \(tuning.localEpochs == nil ? "\(tuning.localSteps)" : tuning.localWork)")
        }
        let bytes = row.arm == .alone ? nil : row.bytes
        entries.append(bytes.map { Readable.number($0 / 1e6, digits: 3) } ?? "")
        entries.append(Self.text(complete(losses)))
        let isGossip = row.arm == .gossip
        entries.append(
            isGossip
                ? "\(Readable.number(complete(row.unsettled)?.mean)) (\(Readable.number(complete(row.worstUnsettled)?.mean))), "
                    + Readable.number(complete(row.average)?.mean) : "")
        if hasAnswers {
            entries.append(title == row.arm.title ? Readable.percent(complete(row.exactMatches)?.mean) : "")
        }
        let compares = row.arm != .base && row.arm != .fedavg
        entries.append(compares ? Self.text(difference: minus(server(beside: row), losses)) : "")
        entries.append(
            row.arm == .fedavg || compares ? Self.text(difference: minus(bestServer(beside: row), losses)) : "")
        if row.arm == .fedavg, isBestServer(row) { entries[entries.count - 1] = "the best" }
        entries.append(gained(row).map { "\($0.better) of \($0.of)" } ?? "")
        return entries
    }

    func isBestServer(_ row: Row) -> Bool { bestServer(beside: row)?.cell == row.cell }

    private func peersThatTrain(_ row: Row) -> Int {
        let topology = row.cell.setting.topology
        return topology.participation.participants(of: topology.peers.count, in: 0).count
    }

    /// An interval where every seed has a figure; who has none is told in the notes.
    func complete(_ values: [Double?]) -> SeedInterval? {
        let known = values.compactMap(\.self)
        return known.count == values.count ? SeedInterval(known) : nil
    }

    func minus(_ server: Row?, _ losses: [Double?]) -> SeedInterval? {
        guard let server, complete(losses) != nil, complete(server.losses) != nil else { return nil }
        return SeedInterval.difference(losses, server.losses)
    }

    static func text(_ interval: SeedInterval?) -> String {
        guard let interval else { return "–" }
        return Readable.number(interval.mean) + (interval.half.map { " ± " + Readable.number($0) } ?? "")
    }

    static func text(difference interval: SeedInterval?) -> String {
        guard let interval else { return "–" }
        let sign = interval.mean > 0 ? "+" : ""
        return sign + text(interval) + (interval.verdict == .oneSeed ? "" : " " + interval.verdict.rawValue)
    }

    package var table: TextTable {
        var table = TextTable(heads: cells.heads)
        table.rows = cells.rows
        return table
    }

    /// Budgets, conditions, rates at the grid's edge, and what is missing: sentences.
    package var notes: [String] { conditions + rows.flatMap { [edge(of: $0)].compactMap(\.self) + gaps(of: $0) } }

    /// Budgets, and under which conditions all was measured.
    var conditions: [String] {
        let topology = plan.base.topology
        let (tuning, count) = (topology.tuning, topology.peers.count)
        let share =
            tuning.participation < 1 ? ", of which \(Readable.percent(tuning.participation)) train in a round" : ""
        return [
            "\(count) peers\(share), \(plan.seeds.count) paired seeds from \(plan.seeds[0]) on: records, data partition, seed "
                + "adapter, batches, graph and network are drawn from the seed, the same for all arms. Loss in nats per "
                + "response token; ± is half of the 95 % interval over the seeds (Student); differences are paired by seed.",
            "Equal budgets: every peer takes the same \(tuning.totalSteps) steps with batches of \(tuning.recordsPerStep) in "
                + "every arm, where the grid does not say otherwise. Pooled, same steps: as many steps with the batches of all "
                + "peers that train together. Pooled, same records: batches of \(tuning.recordsPerStep), as many records in all.",
            rateCondition,
            "MB a peer: what it sent on the simulated network, settling included; FedAvg's and the one average: an adapter in "
                + "single precision up and down.",
        ]
    }

    /// How each arm's rate was chosen.
    var rateCondition: String {
        "Each arm at its own best of the learning rates \(plan.rates.joined(separator: ", ")), chosen by the mean loss on "
            + "the validation part over "
            + (plan.sweepSeeds.count == plan.seeds.count
                ? "all seeds" : "the first \(plan.sweepSeeds.count) of the seeds")
            + "; the held-out records measure and choose nothing. The peers alone have one rate together."
    }

    /// An arm with all of its setting.
    func fullName(_ row: Row) -> String {
        let labels = row.cell.labels.map { "\($0.key)=\($0.value)" }.joined(separator: ", ")
        return row.arm.title + (labels.isEmpty ? "" : " (\(labels))")
    }

    /// What is to be said of the chosen rate; nil where it lies inside the grid.
    func edge(of row: Row) -> String? {
        row.arm == .base ? nil : row.choice?.remark.map { "\(fullName(row)): \($0)." }
    }

    /// Who has no figure, and why.
    func gaps(of row: Row) -> [String] {
        let name = fullName(row)
        let incomplete =
            row.arm == .base ? [] : row.choice.map { $0.losses.filter { $0.mean == nil }.map(\.rate) } ?? plan.rates
        let why = incomplete.flatMap { rate in reasons(row, rate: rate).map { "at \(rate), \($0)" } }
        let told =
            why.isEmpty
            ? "."
            : ": " + why.prefix(4).joined(separator: "; ") + (why.count > 4 ? "; and \(why.count - 4) more." : ".")
        if row.arm != .base, row.choice == nil { return ["\(name): no rate has figures of every peer and seed\(told)"] }
        return
            (incomplete.isEmpty
            ? [] : ["\(name): not every peer and seed has figures at \(incomplete.joined(separator: ", "))\(told)"])
            + row.remarks(seeds: plan.seeds).map { "\(name): \($0)." }
    }

    /// What a person is told.
    package func text(folder: String) -> String {
        (table.lines + [""] + notes + ["", "Report:  \(folder)/report.html", "Figures: \(folder)/grid.json"]).joined(
            separator: "\n")
    }
}
