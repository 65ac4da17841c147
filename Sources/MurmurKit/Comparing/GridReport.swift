import Foundation
import Observability
import SwarmFile

/// The page of a grid of comparisons: `report.html`.
package struct GridReport: Sendable {
    private let result: GridResult
    private let gains: [GridGain]

    package init(_ result: GridResult) {
        self.result = result
        gains = result.allGains
    }

    /// The file's text.
    package var html: String {
        ReportPage(
            title: "Murmuration: \(result.plan.base.topology.swarm.name), compared", answer: result.answer,
            sections: sections
        ).html
    }

    private var sections: [ReportPage.Section] {
        [
            .init(
                key: "comparison", title: "Alone, together, pooled", content: comparison,
                missing: "Nothing was compared."),
            .init(
                key: "gains", title: "Who gained what", content: gains.compactMap { result.gainMap($0)?.html }.joined(),
                missing: "Not every peer has a figure alone and together, or there are too many peers or seeds to show."
            ),
            .init(
                key: "choices", title: "What to choose", content: choices,
                missing: "One setting was compared. --grid KEY=A,B adds a figure for each key."),
            .init(key: "rates", title: "Learning rates", content: rates, missing: "No rates are known."),
            .init(key: "missing", title: "What is missing", content: missing, missing: "Nothing is known."),
            .init(key: "settings", title: "Settings", content: settings, missing: "No settings are known."),
        ]
    }

    // MARK: Parts

    private var comparison: String {
        var content = HTML.points(result.caveats)
        for (index, gain) in gains.enumerated() {
            if gains.count > 1 {
                content += "<h3>\(HTML.escape(gain.group.name))</h3>\n" + HTML.paragraph(result.sentence(gain))
            }
            content += HTML.points(result.remarks(gain))
            content += HTML.side(by: [
                result.triangle(gain.group).figure(key: "triangle-\(index)"),
                result.gainChart(gain.group).figure(key: "gain-\(index)"),
            ])
        }
        return content + HTML.table(result.table, caption: "The comparison in figures")
    }

    private var choices: String {
        let all = result.choices
        return HTML.points(all.map(result.words))
            + HTML.side(by: all.enumerated().map { result.chart($1).figure(key: "choice-\($0)") })
    }

    private var rates: String {
        let edges = result.rows.compactMap(result.edge)
        return HTML.paragraph(result.rateCondition, name: "muted") + HTML.points(edges)
            + HTML.side(by: gains.enumerated().map { result.rateChart($1)?.figure(key: "rates-\($0)") })
            + HTML.table(result.rateTable, caption: "The learning rate of each arm")
    }

    /// So many gaps are told; grid.json has all.
    private static let gapLimit = 60

    private var missing: String {
        let gaps = result.rows.flatMap(result.gaps)
        guard !gaps.isEmpty else {
            return HTML.paragraph("Nothing: every arm has a figure of every peer and seed, and nobody was left out.")
        }
        let rest =
            gaps.count > Self.gapLimit ? ["\(gaps.count - Self.gapLimit) more are among the notes of grid.json."] : []
        return HTML.points(gaps.prefix(Self.gapLimit) + rest)
    }

    private var settings: String {
        let conditions = result.conditions.filter { $0 != result.rateCondition }.map {
            HTML.paragraph($0, name: "muted")
        }
        return conditions.joined() + HTML.list(facts)
    }

    /// When, how long, which version, seeds, the grid, and every other setting of the topology that peers share.
    private var facts: [(String, String)] {
        let plan = result.plan
        var facts: [(String, String)] = []
        if let effort = result.effort {
            let others = result.runs.count - effort.performed
            facts += [
                ("date", SwarmTopology.date(effort.start.timeIntervalSince1970)),
                (
                    "wall time",
                    "\(Readable.number(effort.seconds, digits: 1)) s for \(Readable.count(effort.performed, "run"))"
                        + (others > 0 ? "; \(others) kept from before" : "")
                ),
            ]
        }
        facts += [
            ("murmur", Release.version), ("seeds", plan.seeds.map(String.init).joined(separator: ", ")),
            ("seeds that choose rates", "\(plan.sweepSeeds.count)"), ("peers", "\(plan.base.topology.peers.count)"),
        ]
        facts += plan.axes.map { ("\($0.name) of the grid", $0.values.joined(separator: ", ")) }
        let replaced = Set(plan.axes.map(\.name))
        return facts + plan.base.topology.facts.filter { !replaced.contains($0.0) }
    }
}
