import Observability

extension GridResult {
    /// Tables and notes for a page, narrower than 120 columns: a table for each data partition and model of the grid.
    package var markdown: String {
        var lines: [String] = []
        for group in groups {
            if !lines.isEmpty { lines.append("") }
            if !group.labels.isEmpty {
                lines += ["**" + group.labels.map { "`\($0.key)`: \($0.value)" }.joined(separator: ", ") + "**", ""]
            }
            lines += ["| arm | rate | MB | held-out loss | before settling (worst) | − best FedAvg | > alone |"]
            lines += ["|---|---|---|---|---|---|---|"]
            lines += group.rows.map { markdownLine($0, without: Set(group.labels.map(\.key))) }
        }
        let paragraphs = notes.map { "- " + Self.wrapped($0, width: 118).joined(separator: "\n  ") }
        return
            (lines + [
                "",
                "Arrows: the best rate is the lowest (↓) or highest (↑) of the grid. Noise: the interval holds zero.",
                "",
            ] + paragraphs)
            .joined(separator: "\n")
    }

    private func markdownLine(_ row: Row, without: Set<String>) -> String {
        let labels = row.cell.labels.filter { keys.contains($0.key) && !without.contains($0.key) }.map(\.value)
        let arrow = row.choice.map { $0.place == .lowest ? " ↓" : $0.place == .highest ? " ↑" : "" } ?? ""
        let isGossip = row.arm == .gossip
        let (mean, worst) = (complete(row.unsettled)?.mean, complete(row.worstUnsettled)?.mean)
        let ends = row.outcomes.map { $0?.range(.alone)?.upperBound }
        let before =
            isGossip
            ? "\(Readable.number(mean)) (\(Readable.number(worst)))"
            : row.arm == .alone ? "(\(Readable.number(complete(ends)?.mean)))" : ""
        let isCompared = row.arm != .base && !(row.arm == .fedavg && isBestServer(row))
        let entries = [
            ([row.arm.title] + labels).joined(separator: ", "),
            row.arm == .base ? "" : (row.choice?.rate ?? "none") + arrow,
            (row.arm == .alone ? nil : row.bytes).map { Readable.number($0 / 1e6, digits: 2) } ?? "",
            Self.text(complete(row.losses)), before,
            isCompared
                ? Self.text(difference: minus(bestServer(beside: row), row.losses)).replacing(
                    "within noise", with: "noise")
                : "",
            gained(row).map { "\($0.better)/\($0.of)" } ?? "",
        ]
        return "| " + entries.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }

    private static func wrapped(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        for word in text.split(separator: " ") {
            if let last = lines.last, last.count + 1 + word.count <= width {
                lines[lines.count - 1] = last + " " + word
            } else {
                lines.append(String(word))
            }
        }
        return lines
    }
}
