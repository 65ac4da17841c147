import Basics
import Cryptography
import Federation
import Foundation
import Observability
import Storage
import SwarmFile
import Synchronization

/// `murmur compare --grid`: many short runs in this process, without sockets, of which every finished one is kept on the disk.
package struct GridComparison: Sendable {
    /// What is asked for.
    package struct Choices: Sendable {
        package var grid: [String] = []
        package var seeds = 1
        /// With how many of the seeds rates are chosen; nil for all.
        package var sweepSeeds: Int?
        /// How many runs at once; nil for one a processor.
        package var jobs: Int?
        package var measure = GridBench.Measure()
        /// Whether runs of before are thrown away.
        package var fresh = false
        package var sources = SourceChoices()
        package var compute = ComputeChoices()
        package var isQuiet = false

        package init() {}
    }

    package let plan: GridPlan
    private let choices: Choices
    private let bench: GridBench
    private let store: GridStore
    private let folder: String
    private let lock: FolderLock

    /// Reads what `choices` name, checks every setting and every seed's data, and takes the folder.
    ///
    /// - Throws: `CommandFailure`, `TopologyError` and what is wrong with model or records.
    package init(_ topologyPath: String, out folder: String, _ choices: Choices) throws {
        var topology = try SwarmComposition.load(topologyPath, replacing: choices.sources).topology
        choices.compute.apply(to: &topology)
        plan = try GridPlan(
            topology, axes: try GridAxis.all(choices.grid), seeds: choices.seeds, sweepSeeds: choices.sweepSeeds)
        self.choices = choices
        self.folder = folder
        bench = try GridBench(
            topology, measure: choices.measure, sources: choices.sources, compute: choices.compute)
        guard topology.data.heldOut > 0 else {
            throw CommandFailure("no records are held out: set data.held-out to 1 or more")
        }
        lock = try OutputFolder.grid.claim(folder)
        store = try GridStore(folder + "/runs")
        if choices.fresh { try store.clear() }
        try check()
    }

    /// Deals out every seed's records under every setting, once, and plans the faults: what does not fit is told before
    /// anything is run.
    private func check() throws {
        for cell in plan.cells where cell.method == .alone || cell.method == .gossip {
            var topology = cell.setting.topology
            try SwarmTrial.check(topology, faults: cell.setting.schedule)
            guard cell.method == .alone else { continue }
            for seed in plan.seeds {
                topology.swarm.seed = seed
                let data = try bench.data(topology)
                guard plan.rates.count == 1 || !data.validation.isEmpty else {
                    throw CommandFailure(
                        "there are no records for the validation part that rates are chosen by: give --validation 1 or more"
                    )
                }
            }
        }
    }

    /// Runs what is not there yet.
    package func run() async throws -> GridResult {
        SignatureMemory.begin()
        let (start, clock) = (Date.now, ContinuousClock.now)
        let known = Mutex<[GridRun: GridOutcome]>([:])
        var performed = try await perform(plan.sweep, expecting: plan.furtherRuns, known)
        let first = GridResult(plan, bench.measure, known.withLock { $0 })
        performed += try await perform(first.missing, expecting: 0, known)
        var result = GridResult(plan, bench.measure, known.withLock { $0 })
        result.effort = GridEffort(
            start: start, seconds: (ContinuousClock.now - clock).inSeconds, performed: performed)
        return result
    }

    /// Writes `grid.json` and `report.html`.
    package func write(_ result: GridResult) throws {
        try withExtendedLifetime(lock) {
            try AtomicFile.write(result.json.encoded(indented: true), to: folder + "/grid.json")
            try AtomicFile.write(Array(GridReport(result).html.utf8), to: folder + "/report.html")
        }
    }

    /// Runs until it is done, or until somebody asks it to stop.
    ///
    /// - Throws: `ExitStatus.stopped` after telling how to go on.
    package func runUntilStopped(command: String) async throws -> GridResult {
        let result = try await withThrowingTaskGroup(of: GridResult?.self) { group in
            group.addTask { try await run() }
            group.addTask {
                for await _ in Signals.stopRequests() {
                    let count = store.count
                    Terminal.note(
                        "\nmurmur: stopped; \(count) finished runs are in \(folder)/runs. The same command goes on from there:\n"
                            + "  \(command)")
                    // Runs that are under way are given up with the process: nothing of them is on the disk.
                    exit(ExitStatus.stopped.rawValue)
                }
                return nil
            }
            defer { group.cancelAll() }
            while let result = try await group.next() {
                if let result { return result }
            }
            throw CancellationError()
        }
        try write(result)
        return result
    }

    /// Performs the runs that are not kept, and returns how many these were; with `later` further ones the time left is
    /// told.
    private func perform(
        _ runs: [GridRun], expecting later: Int, _ known: borrowing Mutex<[GridRun: GridOutcome]>
    ) async throws -> Int {
        let jobs = max(1, choices.jobs ?? ProcessInfo.processInfo.activeProcessorCount)
        var waiting: [(GridRun, SettingsFingerprint)] = []
        var owners: [[UInt8]: GridRun] = [:]
        var copies: [(GridRun, of: GridRun)] = []
        for run in runs {
            let fingerprint = try bench.fingerprint(of: run)
            if let outcome = store.outcome(of: fingerprint) {
                known.withLock { $0[run] = outcome }
            } else if let owner = owners[fingerprint.digest] {
                copies.append((run, of: owner))
            } else {
                owners[fingerprint.digest] = run
                waiting.append((run, fingerprint))
            }
        }
        var clock = GridClock(
            runs: runs.count, cached: runs.count - waiting.count, waiting: waiting.map { $0.0.cost }, later: later,
            jobs: jobs)
        let line = ProgressLine("comparing", quietly: choices.isQuiet)
        tell(clock, line)
        try await withThrowingTaskGroup(of: (Int, Int, GridOutcome).self) { group in
            var next = 0
            func begin(slot: Int) {
                guard next < waiting.count else { return }
                let (index, run) = (next, waiting[next].0)
                next += 1
                group.addTask { [bench] in (index, slot, try await bench.perform(run, slot: slot)) }
            }
            for slot in 0..<min(jobs, waiting.count) { begin(slot: slot) }
            while let (index, slot, outcome) = try await group.next() {
                let (run, fingerprint) = waiting[index]
                try store.keep(outcome, of: fingerprint)
                known.withLock { $0[run] = outcome }
                clock.finished(run.cost)
                tell(clock, line)
                begin(slot: slot)
            }
        }
        line.finish()
        known.withLock { known in
            for (run, owner) in copies { known[run] = known[owner] }
        }
        return waiting.count
    }

    /// On a terminal a line that is redrawn, else a line now and then.
    private func tell(_ clock: GridClock, _ line: ProgressLine) {
        line.update(clock.done, of: clock.runs, detail: clock.detail)
        guard !choices.isQuiet, !Terminal.errorIsTerminal, clock.isWorthALine else { return }
        Terminal.note(
            "murmur: \(clock.done) of \(clock.runs) runs" + (clock.detail.isEmpty ? "" : ", \(clock.detail)"))
    }
}

extension GridPlan {
    /// The runs that the chosen rates need beside the sweep, at most.
    var furtherRuns: Int { (seeds.count - sweepSeeds.count) * (cells.count + cells.count { $0.method == .alone }) }
}

/// How far a grid is, and how long it will take.
struct GridClock: Sendable {
    let runs: Int
    private(set) var done: Int
    private var left: Double
    private var spent = 0.0
    private let later: Int
    private let meanCost: Double
    private let start = ContinuousClock.now
    private let cached: Int
    private let stride: Int

    init(runs: Int, cached: Int, waiting costs: [Double], later: Int, jobs: Int) {
        self.runs = runs
        self.cached = cached
        self.later = later
        done = cached
        left = costs.reduce(0, +)
        meanCost = costs.isEmpty ? 0 : left / Double(costs.count)
        stride = max(jobs, runs / 20)
    }

    mutating func finished(_ cost: Double) {
        done += 1
        left -= cost
        spent += cost
    }

    var isWorthALine: Bool { done == cached || done == runs || (done - cached) % max(1, stride) == 0 }

    var detail: String {
        var parts = cached > 0 ? ["\(cached) of them from before"] : []
        if later > 0 { parts.append("at most \(later) more to come") }
        if spent > 0 {
            let seconds = (ContinuousClock.now - start).inSeconds / spent * (left + Double(later) * meanCost)
            parts.append("about \(Self.text(seconds)) left")
        }
        return parts.joined(separator: ", ")
    }

    static func text(_ seconds: Double) -> String {
        seconds < 90 ? "\(Int(seconds.rounded(.up))) s" : "\(Int((seconds / 60).rounded(.up))) min"
    }
}

extension GridRun {
    /// What it costs beside other runs, about: the records that are trained on.
    var cost: Double {
        let topology = setting.topology
        let trained = Double(topology.tuning.totalSteps * topology.tuning.recordsPerStep * topology.peers.count)
        return method == .base ? trained / 20 : trained
    }
}
