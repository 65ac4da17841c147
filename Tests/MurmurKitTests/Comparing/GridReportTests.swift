import Foundation
import MurmurKit
import SwarmFile
import TestSupport
import Testing

/// The sentence of a grid's page says what the figures say, and no more.
@Suite struct GridAnswerTests {
    private static func gossip(
        _ loss: Double, wobble: [Double] = SampleGrid.wobble, seeds: Int = 5
    ) throws -> GridResult {
        try SampleGrid.result(seeds: seeds) { _, place in
            // Seeds differ by far more than arms do: only pairing tells these apart.
            let shift = Double(place) * 0.5
            return .init(alone: 2 + shift, gossip: loss + shift + wobble[place % wobble.count], fedavg: 1.5 + shift)
        }
    }

    @Test func aGainIsNamedWithItsSeedsAndInterval() throws {
        #expect(
            try Self.gossip(1.5).answer
                == "Tuning together helped: over 5 paired seeds the mean held-out loss is 2.500 nats a token by gossip and "
                + "3.000 alone, a gain of 0.500 ± 0.010 (95 % interval); all 20 peers gained, those of all seeds counted."
        )
    }

    @Test func aLossIsNoGain() throws {
        #expect(
            try Self.gossip(2.25).answer
                == "Tuning together did not help: over 5 paired seeds the mean held-out loss is 3.250 nats a token by gossip "
                + "and 3.000 alone, 0.250 ± 0.010 more (95 % interval); 0 of 20 peers gained, those of all seeds counted."
        )
    }

    @Test func whatIsWithinNoiseIsSaidToBe() throws {
        let answer = try Self.gossip(1.99, wobble: [-0.1, 0.1, 0, 0.05, -0.05]).answer
        #expect(answer.hasPrefix("Whether tuning together helps cannot be told from 5 paired seeds: "))
        #expect(answer.hasSuffix("and the gain of 0.010 ± 0.098 (95 % interval) is within noise."))
    }

    @Test func oneSeedHasNoInterval() throws {
        #expect(
            try Self.gossip(1.51, seeds: 1).answer
                == "One seed says little, for it has no interval: the mean held-out loss is 1.500 nats a token by gossip and "
                + "2.000 alone, 0.500 less.")
        #expect(try Self.gossip(2.51, seeds: 1).answer.hasSuffix("0.500 more."))
    }

    /// Settings of records are questions of their own; no mean of them is an answer.
    @Test func eachKindOfRecordsHasItsAnswer() throws {
        let result = try SampleGrid.result(["data.count=100,200,400"]) { run, place in
            let losses: [Int: Double] = [100: 1, 200: 2.5, 400: 2]
            let loss = losses[run.setting.topology.data.count ?? 0] ?? 0
            return .init(gossip: loss + SampleGrid.wobble[place])
        }
        #expect(
            result.answer
                == "Tuning together helped under 1 of 3 settings of records and model, over 5 paired seeds (± is the 95 % "
                + "interval): count 100: a gain of 1.000 ± 0.010; count 200: a loss of 0.500 ± 0.010; count 400: 0.000 ± "
                + "0.010, within noise.")
        let html = GridReport(result).html
        #expect(html.contains("<h3>count 200</h3>\n<p>Tuning together did not help: "))
        #expect(PageRules.problems(html) == [])
    }

    @Test func theSettingIsChosenByTheValidationPartAlone() throws {
        let result = try SampleGrid.result(["graph.kind=ring,star"]) { _, _ in
            .init()
        } change: { run, outcome in
            guard run.method == .gossip, SampleGrid.value(run, "graph.kind") == "ring" else { return }
            // Worse on the validation part, better on the held-out records.
            for index in outcome.rows.indices {
                (outcome.rows[index].validation, outcome.rows[index].heldOut) = (1.75, 1)
            }
        }
        #expect(result.answer.contains("1.500 nats a token by gossip (star) and 2.000 alone"))
    }

    @Test func thoseWhoLostAreNamed() throws {
        let result = try SampleGrid.result { _, _ in
            .init()
        } change: { run, outcome in
            if run.method == .gossip, run.seed == 9 { outcome.rows[1].heldOut = 2.125 }
        }
        #expect(result.answer.contains("; 19 of 20 peers gained"))
        #expect(GridReport(result).html.contains("Worse off than alone: bob with seed 9 (0.125)."))
    }

    /// Budgets that differ: the peers alone that took as many steps are the ones beside.
    @Test func equalBudgetsAreCompared() throws {
        let result = try SampleGrid.result(["tuning.rounds=2,4"]) { run, _ in
            let isLong = run.setting.topology.tuning.rounds == 4
            return .init(alone: isLong ? 2 : 3, gossip: isLong ? 1.5 : 2.5, pooled: isLong ? 1 : 1.25)
        }
        for row in result.rows where row.arm == .gossip {
            let rounds = row.cell.setting.topology.tuning.rounds
            #expect(result.alone(beside: row)?.losses[0] == (rounds == 4 ? 2 : 3))
            #expect(result.partner(.pooledSteps, beside: row)?.losses[0] == (rounds == 4 ? 1 : 1.25))
            #expect(result.gained(row).map { [$0.better, $0.of] } == [20, 20])
        }
    }
}

@Suite struct GridReportTests {
    /// Two rates, two keys; ring sends least, more steps are better up to four, and everything is there.
    private static func full() throws -> GridResult {
        var result = try SampleGrid.result([
            "tuning.learning-rate=1e-3,2e-3", "graph.kind=ring,star", "tuning.local-steps=1,2,4",
        ]) { run, place in
            let isRing = SampleGrid.value(run, "graph.kind") == "ring"
            let steps = Double(run.setting.topology.tuning.localSteps)
            let rate = run.rate == "1e-3" ? 0.125 : 0
            let wobble = SampleGrid.wobble[place]
            return .init(
                alone: 2 - rate, gossip: 1.75 - steps / 16 + rate + wobble + (isRing ? 0 : wobble / 2),
                fedavg: 1.5 + steps / 16 + rate, bytes: (isRing ? 1_000_000 : 4_000_000) / Int(steps))
        }
        result.effort = GridEffort(start: Date(timeIntervalSince1970: 1_700_000_000), seconds: 12.5, performed: 7)
        return result
    }

    @Test func everyPartIsThereAndKeepsTheRules() throws {
        let html = GridReport(try Self.full()).html
        #expect(PageRules.problems(html) == [])
        #expect(!html.contains("class=\"missing\""))
        let parts =
            ["class=\"answer\""]
            + ["comparison", "gains", "choices", "rates", "missing", "settings"].map { "<section id=\"\($0)\">" }
        let places = try parts.map { try #require(html.range(of: $0)?.lowerBound, "\($0)") }
        #expect(places == places.sorted())
        for figure in ["triangle-0", "gain-0", "choice-0", "choice-1", "rates-0"] {
            #expect(html.contains("id=\"\(figure)-desc\""), "\(figure)")
        }
        for text in [
            "<dt>date</dt><dd>2023-11-14 22:13 UTC</dd>", "<dd>12.5 s for 7 runs; ",
            "<dt>seeds</dt><dd>7, 8, 9, 10, 11</dd>",
            "<dt>tuning.learning-rate of the grid</dt><dd>1e-3, 2e-3</dd>", "<dt>tuning.template</dt><dd>terse</dd>",
            "Nothing: every arm has a figure of every peer and seed",
        ] { #expect(html.contains(text), "\(text)") }
        #expect(!html.contains("<dt>graph.kind</dt>"), "what the grid varies is no setting of the file")
        #expect(html == GridReport(try Self.full()).html)
    }

    /// A figure for each key, the others where gossip does best; FedAvg once where the key does not change it.
    @Test func eachKeyHasItsFigureAndItsWords() throws {
        let html = GridReport(try Self.full()).html
        #expect(
            html.contains(
                "Of tuning.local-steps, 4 has the least loss on the validation part. Beside it, on the held-out records: 1 "
                    + "+0.188 ± 0.000 worse, 2 +0.125 ± 0.000 worse. It is the highest of the grid: a higher one may be better."
            ))
        #expect(
            html.contains("Of graph.kind, ring has the least loss")
                || html.contains("Of graph.kind, star has the least loss"))
        #expect(html.contains("within noise."), "ring and star differ by noise alone")
        #expect(html.contains("local-steps 4: 1.50") && html.contains("FedAvg, local-steps 1: 1.56"))
        #expect(html.contains("FedAvg: 1.75") && html.contains(" With local-steps 4."))
    }

    @Test func everyRateIsShownAndTheEdgeIsSaid() throws {
        let html = GridReport(try Self.full()).html
        #expect(
            html.contains(
                "<th scope=\"row\">alone, mean</th><td></td><td>1e-3</td><td>the lowest</td><td>1.875</td><td>2.000</td>"
            ))
        #expect(html.contains("alone, mean: its best rate 1e-3 is the lowest of the grid: a lower one may be better."))
        #expect(html.contains("best learning rate at the edge of the grid"))
        #expect(html.contains("alone goes from 1.88 to 2.00."), "the figure is told in words")
        let single = GridReport(try SampleGrid.result()).html
        #expect(single.contains("One learning rate for all") && !single.contains("rates-0"))
        #expect(single.contains("One setting was compared.") && PageRules.problems(single) == [])
    }

    private static let hostile = "</title><script>alert('x')</script>\u{202E}&"

    /// A peer that was left out, and a run that failed: the arm has no figure, and who it was is named. Whatever the
    /// reasons and names are, they stay text.
    @Test func whoWasLeftOutIsNamedAndNoFigureIsMadeUp() throws {
        let peers = ["ada", Self.hostile, "cyd"]
        let result = try SampleGrid.result(
            ["tuning.learning-rate=1e-3,2e-3", "graph.kind=ring,star"], sweepSeeds: 1, peers: peers
        ) { run, _ in
            // Star would be the best, if it had finished with every seed.
            .init(gossip: SampleGrid.value(run, "graph.kind") == "star" ? 1 : 1.5)
        } change: { run, outcome in
            if run.method == .gossip, SampleGrid.value(run, "graph.kind") == "star", run.seed == 9 {
                outcome.rows[1].heldOut = nil
                outcome.leftOut = ["\(Self.hostile) did not finish"]
            }
            if run.method == .fedavg { outcome.failure = "mass is lost: \(Self.hostile)" }
        }
        #expect(result.answer.contains("by gossip (ring) and 2.000 alone"))
        let html = GridReport(result).html
        #expect(PageRules.problems(html) == [])
        let name = "&lt;/title&gt;&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;\u{FFFD}&amp;"
        for text in [
            "gossip, star: no figure.", "FedAvg: no figure.",
            "gossip (graph.kind=star): seed 9, left out: \(name) did not finish.",
            "FedAvg: no rate has figures of every peer and seed: at 1e-3, seed 7, mass is lost: \(name)",
            "No figure of every peer and seed, so none at all: gossip (graph.kind=star); FedAvg (What is missing, below).",
            "FedAvg has no figure of every seed under the same setting.",
            "Without a figure of every peer and seed: star, FedAvg.",
            "<th scope=\"row\">\(name)</th>",
        ] { #expect(html.contains(text), "\(text)") }
    }

    @Test func nobodyAloneIsNoAnswer() throws {
        let result = try SampleGrid.result { _, _ in
            .init()
        } change: { run, outcome in
            if run.method == .alone, run.seed == 8 { outcome.failure = "the loss of round 3 is not finite" }
        }
        #expect(result.answer.hasPrefix("There is no answer: the peers alone have no figure of every peer and seed"))
        let html = GridReport(result).html
        #expect(PageRules.problems(html) == [] && html.contains("seed 8, the loss of round 3 is not finite"))
        let silent = try SampleGrid.result { _, _ in
            .init()
        } change: { _, outcome in
            outcome.failure = "out of memory"
        }
        #expect(silent.answer.hasPrefix("There is no answer: gossip has no figure"))
        #expect(PageRules.problems(GridReport(silent).html) == [])
    }

    /// Many settings: the best are drawn, the table has all, and the page stays a page.
    @Test func manySettingsAreBounded() throws {
        let values = (1...40).map { "\(Double($0) / 40)" }.joined(separator: ",")
        let result = try SampleGrid.result(["tuning.proximal=\(values)"], seeds: 2) { run, _ in
            .init(gossip: 1 + run.setting.topology.tuning.proximal)
        }
        let html = GridReport(result).html
        #expect(PageRules.problems(html) == [] && html.utf8.count < 300_000)
        // Of gossip's forty and FedAvg's forty twelve each.
        #expect(html.contains("56 further settings only in the table."))
        #expect(html.contains("gossip, proximal 0.3: 1.30") && !html.contains("gossip, proximal 0.325: 1.3"))
    }
}
