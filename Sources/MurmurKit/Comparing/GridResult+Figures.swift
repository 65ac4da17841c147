import Foundation
import Observability
import SwarmFile

extension GridResult {
    /// The number of an arm's style in all charts of the page.
    static func style(_ arm: Arm) -> Int {
        switch arm {
        case .gossip: 0
        case .fedavg: 1
        case .alone: 2
        case .pooledSteps: 3
        case .once: 4
        case .pooledRecords: 5
        case .base: 6
        }
    }

    /// So many settings of an arm are drawn, those with the least validation loss; the table has all.
    private static let drawnSettings = 12

    /// The rows that are drawn, in the order of the table, and how many are left out.
    private func drawn(_ group: Group) -> (rows: [Row], left: Int) {
        var rows: [Row] = []
        for arm in Arm.allCases {
            let all = group.rows.filter { $0.arm == arm }
            let best = all.indices.sorted {
                (all[$0].validation ?? .infinity, $0) < (all[$1].validation ?? .infinity, $1)
            }
            rows += best.prefix(Self.drawnSettings).sorted().map { all[$0] }
        }
        return (rows, group.rows.count - rows.count)
    }

    /// An arm with its setting, short: values stand with their keys where there is room for them.
    private func label(_ row: Row, in group: Group) -> String {
        let name = row.arm.title
        let labels = row.cell.labels.filter { keys.contains($0.key) && !group.labels.contains($0) }
        let long = ([name] + labels.map(\.words)).joined(separator: ", ")
        return long.count <= 38 ? long : ([name] + labels.map(\.value)).joined(separator: ", ")
    }

    private func settingsCaption(_ left: Int) -> String {
        left > 0 ? " \(Readable.count(left, "further setting")) only in the table." : ""
    }

    /// Alone, together, pooled: every arm's mean with its interval, and what each seed gave.
    func triangle(_ group: Group) -> IntervalChart {
        let (rows, left) = drawn(group)
        let bars = plan.seeds.count > 1 ? "Bars: 95 % intervals over \(plan.seeds.count) seeds. " : ""
        return IntervalChart(
            title: "Loss on held-out records",
            caption: bars + "Pale rings: single seeds." + settingsCaption(left),
            axis: .init("nats a response token; less is better", zero: .whenNear),
            rows: rows.map { row in
                let mean = complete(row.losses)
                return .init(
                    name: label(row, in: group), value: mean?.mean ?? .nan, interval: mean?.range,
                    parts: row.losses.compactMap(\.self), style: Self.style(row.arm),
                    words: mean.map { Self.text($0) } ?? "no figure", mayLieOutside: row.arm == .base)
            })
    }

    /// What each arm gains over the peers alone, paired by seed.
    func gainChart(_ group: Group) -> IntervalChart {
        let (rows, left) = drawn(group)
        let bars = plan.seeds.count > 1 ? "Bars that cross zero are within noise." : "One seed: no intervals."
        return IntervalChart(
            title: "Gain over alone, paired by seed",
            caption: "Loss alone minus loss of the arm, with the same seed. \(bars)" + settingsCaption(left),
            axis: .init("nats a response token; more is better", zero: .always),
            rows: rows.filter { $0.arm != .base && $0.arm != .alone }.map { row in
                let alone = alone(beside: row)
                let gain = alone.flatMap { minus(row, $0.losses) }
                let parts = zip(alone?.losses ?? [], row.losses).compactMap { pair in
                    pair.0.flatMap { apart in pair.1.map { apart - $0 } }
                }
                let words = gain.map { Self.text($0) + ($0.verdict == .noise ? ", within noise" : "") }
                return .init(
                    name: label(row, in: group), value: gain?.mean ?? .nan, interval: gain?.range, parts: parts,
                    style: Self.style(row.arm), words: words ?? "no figure")
            })
    }

    // MARK: Who gained

    /// More peers or seeds than this make a page that nobody reads.
    private static let mapLimit = (peers: 200, seeds: 30)

    /// What each peer gains over alone by gossip, seed by seed; nil where nobody has a figure, or there are too many.
    func gainMap(_ gain: GridGain) -> HeatMap? {
        guard let leader = gain.leader, let gains = peerGains(leader), !gains.isEmpty,
            plan.seeds.count <= Self.mapLimit.seeds
        else { return nil }
        var names: [String] = []
        var values: [String: [UInt64: Double]] = [:]
        for one in gains {
            if values[one.peer] == nil { names.append(one.peer) }
            values[one.peer, default: [:]][one.seed] = one.gain
        }
        guard names.count <= Self.mapLimit.peers else { return nil }
        let name = gain.group.name.isEmpty ? "" : " (\(gain.group.name))"
        return HeatMap(
            title: "Gain over alone by peer and seed\(name)",
            caption:
                "Loss alone minus loss by \(called(leader, in: gain.group)), on the held-out records. Each seed deals "
                + "the records out anew.",
            kind: .diverging, unit: "nats a token", columns: ["mean"] + plan.seeds.map { "seed \($0)" },
            rows: names.map { name in
                let each = plan.seeds.map { values[name]?[$0] }
                return (name, [Self.mean(each)] + each)
            }, digits: 3, sums: 1)
    }

    private static func mean(_ values: [Double?]) -> Double? {
        let known = values.compactMap(\.self)
        return known.isEmpty || known.count < values.count ? nil : known.reduce(0, +) / Double(known.count)
    }

    // MARK: Rates

    /// Validation loss by learning rate, a line an arm, under the setting that is spoken of; nil for one rate.
    func rateChart(_ gain: GridGain) -> LineChart? {
        guard plan.rates.count > 1, let leader = gain.leader ?? gain.group.rows.first(where: { $0.arm == .gossip })
        else {
            return nil
        }
        let names: [(Arm, String)] = [
            (.alone, "alone"), (.once, "averaged once"), (.gossip, "gossip"), (.fedavg, "FedAvg"),
            (.pooledSteps, "pooled, steps"), (.pooledRecords, "pooled, records"),
        ]
        let series = names.compactMap { arm, name -> LineChart.Series? in
            guard let row = arm == .gossip ? leader : partner(arm, beside: leader) else { return nil }
            let points = (row.choice?.losses ?? []).compactMap { loss in
                Double(loss.rate).flatMap { rate in loss.mean.map { (x: rate, y: $0) } }
            }
            return .init(name: name, points: points, style: Self.style(arm))
        }
        let setting = gain.group.name.isEmpty ? "" : " (\(gain.group.name))"
        return LineChart(
            title: "Loss on the validation part by learning rate\(setting)",
            caption: "The lowest point of a line is the chosen rate. Gossip: \(called(leader, in: gain.group)).",
            horizontal: .init("learning rate", isLogarithmic: true),
            vertical: .init("nats a response token", zero: .whenNear), series: series, letters: 15)
    }

    /// Every arm's chosen rate, where in the grid it lies, and its validation loss at each rate.
    var rateTable: TextTable {
        let sorted = plan.rates.sorted { (Double($0) ?? 0) < (Double($1) ?? 0) }
        var table = TextTable(heads: ["arm", "setting", "rate", "in the grid"] + sorted.map { "at \($0)" })
        for row in rows where row.arm != .base {
            let setting = row.cell.labels.filter { keys.contains($0.key) }.map(\.words).joined(separator: ", ")
            let place =
                switch row.choice?.place {
                case .inside: "inside"
                case .lowest: "the lowest"
                case .highest: "the highest"
                case .only: "not swept"
                case nil: "–"
                }
            let losses = sorted.map { rate in
                Readable.number(row.choice?.losses.first { $0.rate == rate }?.mean)
            }
            table.rows.append([row.arm.title, setting, row.choice?.rate ?? "none", place] + losses)
        }
        return table
    }
}
