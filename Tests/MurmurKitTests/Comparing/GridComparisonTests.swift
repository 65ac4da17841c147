import Foundation
import InstructionTuning
import MurmurKit
import Storage
import SwarmFile
import TestSupport
import Testing

@Suite struct GridComparisonTests {
    private static func choices(_ grid: [String], seeds: Int = 2) -> GridComparison.Choices {
        var choices = GridComparison.Choices()
        choices.grid = grid
        choices.seeds = seeds
        choices.sweepSeeds = 1
        choices.isQuiet = true
        return choices
    }

    /// A real grid: everything is there, equal runs give equal figures whatever the number of jobs, a second time nothing is
    /// run, and a larger grid takes what there is.
    @Test func aSmallGridIsRunAndKept() async throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder, peers: 3)
        let grid = ["tuning.learning-rate=5e-3,2e-2", "graph.kind=ring,star"]
        func run(_ name: String, _ grid: [String], jobs: Int) async throws -> GridResult {
            var choices = Self.choices(grid)
            choices.jobs = jobs
            let comparison = try GridComparison(path, out: folder.path(name), choices)
            let result = try await comparison.run()
            try comparison.write(result)
            return result
        }
        let result = try await run("one", grid, jobs: 2)
        #expect(result.rows.count == 8 && result.missing.isEmpty)
        for row in result.rows {
            #expect(row.losses.count == 2 && row.losses.allSatisfy { ($0 ?? 0) > 0 }, "\(row.arm)")
            #expect(row.arm == .base || row.choice?.losses.count == 2)
            guard row.arm == .gossip else { continue }
            #expect(row.unsettled.allSatisfy { $0 != nil } && row.average.allSatisfy { $0 != nil })
            #expect((row.bytesUnsettled ?? 0) > 0 && (row.bytes ?? 0) > (row.bytesUnsettled ?? 0))
            // Peers agree within the bound, so their losses are the average's.
            #expect(abs((row.losses[0] ?? 0) - (row.average[0] ?? 9)) < 1e-2)
            #expect(result.gained(row)?.of == 6 && result.server(beside: row)?.arm == .fedavg)
        }
        let text = result.text(folder: "out")
        #expect(text.contains("(edge)") && text.contains("Equal budgets") && text.contains("of the grid"))
        #expect(result.markdown.split(separator: "\n").filter { !$0.hasPrefix("|") }.allSatisfy { $0.count <= 120 })

        #expect(text.contains("out/report.html") && result.effort?.performed == result.runs.count)
        let page = try String(contentsOfFile: folder.path("one/report.html"), encoding: .utf8)
        #expect(PageRules.problems(page) == [] && page.contains("kind: loss against bytes"))

        let runs = try FileManager.default.contentsOfDirectory(atPath: folder.path("one/runs")).sorted()
        let dates = try runs.map {
            try FileManager.default.attributesOfItem(atPath: folder.path("one/runs/\($0)"))[.modificationDate] as? Date
        }
        let again = try await run("one", grid, jobs: 1)
        #expect(again.json == result.json && again.effort?.performed == 0)
        #expect(
            try runs.map {
                try FileManager.default.attributesOfItem(atPath: folder.path("one/runs/\($0)"))[.modificationDate]
                    as? Date
            } == dates)
        let elsewhere = try await run("two", grid, jobs: 1)
        #expect(elsewhere.json == result.json, "equal seeds give equal figures")

        // A run that a stop left out, and one that is not whole, are run again; the rest is not.
        try FileManager.default.removeItem(atPath: folder.path("one/runs/\(runs[0])"))
        try folder.write("{", to: "one/runs/\(runs[1])")
        #expect(try await run("one", grid, jobs: 2).json == result.json)
        let larger = try await run("one", ["tuning.learning-rate=5e-3,2e-2,1e-2", "graph.kind=ring"], jobs: 2)
        #expect(larger.rows.count == 7)
        #expect(larger.runs.count { $0.run.rate == "1e-2" } >= 5)
    }

    @Test func whoWasLeftOutIsNamedAndNotAveragedAway() throws {
        let plan = try GridPlanTests.plan(["tuning.learning-rate=1e-3,2e-3,4e-3"], seeds: 2)
        func outcome(_ run: GridRun, leftOut: Bool) -> GridOutcome {
            var outcome = GridOutcome()
            let loss = (run.rate.flatMap { Double($0) } ?? 1) == 2e-3 ? 1.0 : 2
            switch run.method {
            case .base: outcome.rows = [.init(group: .base, validation: 4, heldOut: 4)]
            case .alone:
                outcome.rows = (0..<4).map { .init(group: .alone, peer: "peer-\($0)", validation: loss, heldOut: 3) }
                outcome.rows.append(.init(group: .once, validation: loss, heldOut: 2.5))
            case .fedavg: outcome.rows = [.init(group: .fedavg, validation: loss, heldOut: loss)]
            case .pooledSteps, .pooledRecords:
                outcome.rows = [.init(group: .pooled, validation: loss, heldOut: loss)]
            case .gossip:
                outcome.rows = (0..<4).map { place in
                    let isThere = !(leftOut && place == 3)
                    return .init(
                        group: .gossip, peer: "peer-\(place)", validation: isThere ? loss : nil,
                        heldOut: isThere ? loss : nil)
                }
                if leftOut { outcome.leftOut = ["peer-3 did not finish"] }
            }
            return outcome
        }
        var outcomes: [GridRun: GridOutcome] = [:]
        for run in plan.sweep { outcomes[run] = outcome(run, leftOut: run.rate == "2e-3" && run.seed == 8) }
        let result = GridResult(plan, .init(), outcomes)
        let gossip = try #require(result.rows.first { $0.arm == .gossip })
        #expect(gossip.choice?.rate == "1e-3", "the better rate lacks a peer's figure")
        #expect(result.notes.contains { $0.contains("gossip: not every peer and seed has figures at 2e-3") })
        // Where every rate lacks one, there is no figure, and the note names who.
        for run in plan.sweep where run.method == .gossip && run.seed == 8 {
            outcomes[run] = outcome(run, leftOut: true)
        }
        let without = GridResult(plan, .init(), outcomes)
        let row = try #require(without.rows.first { $0.arm == .gossip })
        #expect(row.choice == nil && row.losses.allSatisfy { $0 == nil })
        #expect(without.notes.contains { $0.contains("gossip: no rate has figures") })
        #expect(outcome(plan.sweep[0], leftOut: false).mean(.base, \.heldOut) == 4)
        var failed = GridOutcome()
        failed.rows = [.init(group: .gossip, peer: "peer-0", heldOut: 1)]
        failed.failure = "mass is lost"
        #expect(failed.mean(.gossip, \.heldOut) == nil)
    }

    @Test func outcomesAreReadAsTheyWereWritten() throws {
        var outcome = GridOutcome()
        outcome.rows = [
            .init(group: .gossip, peer: "peer-0", validation: 0.1, heldOut: 1 / 3, exactMatch: 0.5),
            .init(group: .unsettled, peer: "peer-0"),
        ]
        (outcome.bytes, outcome.bytesUnsettled, outcome.rounds, outcome.missed) = ([5, 7], [1, 2], 9, 3)
        (outcome.leftOut, outcome.failure) = (["peer-1 did not finish"], "why")
        let text = outcome.json.encoded()
        #expect(GridOutcome(json: try JSONValue.parse(text)) == outcome)
        #expect(outcome.bytesPerPeer == 6)
        #expect(GridOutcome(json: .object(JSONObject([("rows", .array([]))]))) == nil)
    }

    /// The three parts have no record in common, and the held-out ones are those that a swarm has.
    @Test(arguments: [UInt64(7), 8, 9])
    func noRecordIsInTwoParts(seed: UInt64) throws {
        var topology = try GridPlanTests.topology()
        topology.swarm.seed = seed
        let data = try GridData(topology, validation: 2) { try ModelComposition.records($0, topology) }
        let usual = try ModelComposition.partition(topology)
        #expect(data.heldOut == usual.heldOut && data.validation.count == 2 * data.heldOut.count)
        #expect(data.pooled.count + data.validation.count == usual.pooled.count)
        func texts(_ records: [InstructionRecord]) -> [String] {
            records.map { "\($0.instruction) \($0.context) \($0.response)" }.sorted()
        }
        #expect(texts(data.pooled + data.validation) == texts(usual.pooled))
        #expect(texts(data.dealt.pooled) == texts(data.pooled))
    }

    @Test func aForeignFolderIsRefused() throws {
        let folder = try TemporaryFolder()
        let path = try SmallTopology.write(in: folder)
        try FileManager.default.createDirectory(atPath: folder.path("out"), withIntermediateDirectories: true)
        try folder.write("mine", to: "out/notes.txt")
        #expect(throws: CommandFailure.self) {
            try GridComparison(path, out: folder.path("out"), Self.choices(["graph.kind=complete"]))
        }
    }
}
