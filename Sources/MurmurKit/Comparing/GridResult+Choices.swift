import Foundation
import Observability
import SwarmFile

/// What one swept key does, the others being held where gossip does best.
struct GridChoice: Sendable {
    /// A value of the key, and gossip's row with it.
    struct Option: Sendable {
        let label: GridCell.Label
        let row: GridResult.Row
    }

    let key: String
    let options: [Option]
    /// What the other keys of the grid are held at.
    let held: [GridCell.Label]

    /// Nil for a key that gossip's rows do not tell apart.
    init?(of key: String, in result: GridResult) {
        let rows = result.rows.filter { row in row.arm == .gossip && row.cell.labels.contains { $0.key == key } }
        guard let lead = GridResult.best(rows, result.complete) ?? rows.first else { return nil }
        self.key = key
        held = lead.cell.labels.filter { $0.key != key && result.keys.contains($0.key) }
        let values = result.plan.axes.first { $0.name == key }?.values ?? []
        options = values.compactMap { value in
            let label = GridCell.Label(key: key, value: value)
            let fitting = rows.filter { row in
                row.cell.labels.contains(label)
                    && lead.cell.labels.allSatisfy { $0.key == key || row.cell.agrees(with: $0) }
            }
            return (GridResult.best(fitting, result.complete) ?? fitting.first).map { Option(label: label, row: $0) }
        }
        if options.count < 2 { return nil }
    }

    /// Whether all values are numbers, so that they have an order.
    var isOrdered: Bool { options.allSatisfy { $0.label.number != nil } }

    /// What the network or the records are is not for a user to choose.
    var isChosen: Bool { !key.hasPrefix("data.") && !key.hasPrefix("network.") }

    /// In the order of their numbers, or else of the command line.
    var ordered: [Option] {
        isOrdered ? options.sorted { ($0.label.number ?? 0) < ($1.label.number ?? 0) } : options
    }
}

extension GridResult {
    /// One for every swept key but the rate, in the order of the command line.
    var choices: [GridChoice] { keys.compactMap { GridChoice(of: $0, in: self) } }

    /// Loss against bytes a peer for each value of the key, FedAvg beside.
    func chart(_ choice: GridChoice) -> PointChart {
        var points: [PointChart.Point] = []
        var missing: [String] = []
        func add(_ name: String, _ row: Row) {
            guard let mean = complete(row.losses), let bytes = row.bytes else { return missing.append(name) }
            points.append(
                .init(name: name, x: bytes, y: mean.mean, interval: mean.range, style: Self.style(row.arm)))
        }
        for option in choice.ordered { add(option.label.words, option.row) }
        var servers: [(name: String, row: Row)] = []
        for option in choice.ordered {
            guard let row = server(beside: option.row), !servers.contains(where: { $0.row.cell == row.cell }) else {
                continue
            }
            servers.append((option.label.words, row))
        }
        for (name, row) in servers { add(servers.count == 1 ? "FedAvg" : "FedAvg, \(name)", row) }
        let (least, most) = (points.map(\.x).min() ?? 0, points.map(\.x).max() ?? 0)
        let held = choice.held.isEmpty ? "" : " With \(choice.held.map(\.words).joined(separator: ", "))."
        let left =
            missing.isEmpty ? "" : " Without a figure of every peer and seed: \(missing.joined(separator: ", "))."
        let bars = plan.seeds.count > 1 ? " Bars: 95 % intervals." : ""
        return PointChart(
            title: "\(choice.key): loss against bytes",
            caption: "Gossip (circles) by what a peer sends, FedAvg (squares) beside.\(bars)\(held)\(left)",
            horizontal: .init(
                "bytes a peer", measure: .bytes, zero: .always, isLogarithmic: most > 5 * least && least > 0),
            vertical: .init("nats a response token", zero: .whenNear), points: points, isJoined: choice.isOrdered)
    }

    /// Which value has the least validation loss, how far the others are from it, and whether it is at the grid's edge.
    func words(_ choice: GridChoice) -> String {
        guard let best = Self.best(choice.options.map(\.row), complete),
            let chosen = choice.options.first(where: { $0.row.cell == best.cell })
        else { return "\(choice.key): no value has a figure of every peer and seed." }
        let others = choice.ordered.filter { $0.label != chosen.label }.map { option in
            "\(option.label.value) \(Self.text(difference: minus(best, option.row.losses)))"
        }
        let shown = others.prefix(8).joined(separator: ", ") + (others.count > 8 ? " and \(others.count - 8) more" : "")
        var text =
            "Of \(choice.key), \(chosen.label.value) has the least loss on the validation part. Beside it, on the "
            + "held-out records: \(shown)."
        let ordered = choice.ordered
        if choice.isChosen, choice.isOrdered {
            if chosen.label == ordered.last?.label {
                text += " It is the highest of the grid: a higher one may be better."
            } else if chosen.label == ordered.first?.label, chosen.label.number ?? 0 > 0 {
                text += " It is the lowest of the grid: a lower one may be better."
            }
        }
        return text
    }
}
