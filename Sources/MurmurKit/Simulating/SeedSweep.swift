import Basics
import Foundation
import Simulation

/// Many seeds of one scenario, several at once; every hundredth seed runs twice.
struct SeedSweep {
    var seeds: Range<UInt64>
    /// How many run at once.
    var width: Int
    /// Whether no further seed begins after a violation.
    var untilViolation: Bool
    /// Whether each seed is an object on standard output; else those with violations are told, and how far it is.
    var json: Bool
    /// A seed's scenario.
    var scenario: @Sendable (UInt64) -> SimulationScenario
    /// The command that runs a seed again.
    var replay: @Sendable (UInt64) -> String
    /// In what another run of the scenario differs from the report, or nil; nil where nothing is compared.
    var difference: (@Sendable (SimulationReport, SimulationScenario) async throws -> String?)?

    /// What became of one seed.
    struct Outcome: Sendable {
        var report: SimulationReport
        var failure: String?
    }

    /// What is printed of a seed with `json`.
    struct Line: Codable {
        var seed: UInt64
        var trace: String
        var adapters: String
        var events: Int
        var rounds: Int
        var seconds: Double
        var violations: [Violation]
        var failure: String?
        var replay: String
    }

    /// What became of the seeds so far.
    struct Tally: Sendable, Hashable {
        private(set) var done = 0
        private(set) var events = 0
        private(set) var failures = 0

        mutating func add(_ outcome: Outcome) {
            done += 1
            events += outcome.report.events
            if outcome.failure != nil { failures += 1 }
        }
    }

    /// Runs all of them.
    ///
    /// - Throws: `CommandFailure` if a seed violated a checker or did not repeat itself.
    func run() async throws {
        let started = ContinuousClock.now
        if !json { Terminal.print("\(seeds.count) seeds from \(seeds.lowerBound) on, \(width) at once") }
        let progress = ProgressLine("Seeds")
        var tally = Tally()
        var next = seeds.lowerBound
        try await withThrowingTaskGroup(of: Outcome.self) { group in
            for _ in 0..<min(width, seeds.count) {
                group.addTask { [next] in try await outcome(of: next) }
                next += 1
            }
            while let outcome = try await group.next() {
                tally.add(outcome)
                progress.finish()
                try tell(outcome)
                let seconds = Int((ContinuousClock.now - started).inSeconds)
                if !json, tally.done % 100 == 0 {
                    Terminal.print("\(tally.done) seeds, \(tally.failures) with violations, \(seconds) s")
                }
                progress.update(tally.done, of: seeds.count, detail: "\(tally.failures) with violations")
                if next != seeds.upperBound, !(untilViolation && tally.failures > 0) {
                    group.addTask { [next] in try await self.outcome(of: next) }
                    next += 1
                }
            }
        }
        progress.finish()
        let seconds = (ContinuousClock.now - started).inSeconds
        let sum =
            "\(tally.done) seeds in \(String(format: "%.1f", seconds)) s, \(tally.events) events, "
            + "\(tally.failures) with violations"
        if json { Terminal.note(sum) } else { Terminal.print(sum) }
        if tally.failures > 0 {
            throw CommandFailure("\(tally.failures) of \(tally.done) seeds violated a checker")
        }
    }

    private func tell(_ outcome: Outcome) throws {
        let report = outcome.report
        guard json else {
            if let failure = outcome.failure {
                Terminal.print("seed \(report.seed): \(failure)\n  \(replay(report.seed))")
            }
            return
        }
        let line = Line(
            seed: report.seed, trace: report.traceHash, adapters: report.adapterDigest, events: report.events,
            rounds: report.rounds, seconds: report.seconds, violations: report.violations, failure: outcome.failure,
            replay: replay(report.seed))
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        Terminal.print(String(decoding: try encoder.encode(line), as: UTF8.self))
    }

    @concurrent private func outcome(of seed: UInt64) async throws -> Outcome {
        let scenario = scenario(seed)
        var one = try SimulatedSwarm(scenario)
        let report = try await one.runWithTrainers()
        var failure = report.violations.first.map { "\($0)" }
        if seed % 100 == 0 {
            var again = try SimulatedSwarm(scenario)
            if try await again.runWithTrainers() != report {
                failure = failure ?? "the second run of the seed differs from the first"
            }
        }
        if failure == nil { failure = try await difference?(report, scenario) }
        return Outcome(report: report, failure: failure)
    }
}
