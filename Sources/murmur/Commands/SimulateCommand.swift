import ArgumentParser
import Basics
import Cryptography
import Faults
import Foundation
import Recording
import Simulation
import SwarmFile

/// `murmur simulate`: a whole swarm in one process, on a virtual clock and network.
struct SimulateCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "simulate",
        abstract: "Simulate a swarm on a virtual clock and network, with faults.",
        discussion: """
            Real peers' cores, protocol and cryptography; simulated clock, network and disks. A toy trains, or the real \
            engine, or what that once returned is played back. One seed gives one history to the last bit: the trace's \
            hash says so. Checkers watch the run; where one objects, the command prints what and how to run it again, \
            and ends with 1.

            Examples:
              murmur simulate topologies/ring-8.yaml --seed 7
              murmur simulate topologies/ring-8.yaml --faults topologies/faults/lossy.yaml --trace run.trace
              murmur simulate topologies/torus-16.yaml --draw-faults --seed 1 --seeds 1000
              murmur simulate topologies/complete-4.yaml --trainer lora --record run
              murmur simulate topologies/complete-4.yaml --trainer run --faults topologies/faults/crash.yaml --both-tiers
            """)

    @Argument(help: "The topology file.") var topology: String
    @Option(help: "The fault file: what goes wrong, and when.") var faults: String?
    @Flag(help: "Draw faults of all kinds from the seed.") var drawFaults = false
    @Flag(help: "Draw also a peer that is not honest.") var drawByzantine = false
    @Option(help: "The seed; one is drawn and printed unless given.") var seed: UInt64?
    @Option(help: "How many seeds to run, from --seed on.") var seeds = 1
    @Flag(help: "End a sweep at the first seed with a violation.") var untilViolation = false
    @Option(help: "How many runs at once; one for each core unless given.") var jobs: Int?
    @Option(help: "Values of the toy adapter.") var values = 64
    @OptionGroup var trainers: TrainerOptions
    @Option(help: "End the run when every peer has mixed in this round, counted from 0.") var lastRound: Int?
    @Option(help: "Seconds of virtual time after which a run is given up.") var limit = 14_400.0
    @Option(
        help: "on: real signatures, key agreement and ciphers; off: cheap ones that protect nothing, for large swarms.")
    var crypto = Crypto.on
    @Option(help: "Write the readable event log of the run to this file.") var trace: String?
    @Option(help: "Write a report of the run as JSON into this folder.") var out: String?
    @Flag(help: "Print the report as JSON; of a sweep, an object a line for each seed.") var json = false
    @Flag(help: "Run the peers' actors too, on a seeded executor (tier B), instead of their cores alone (tier A).")
    var actors = false
    @Flag(help: "Run each seed on both tiers and compare everything that came of it.") var bothTiers = false

    func validate() throws {
        guard (1...10_000_000).contains(seeds) else { throw ValidationError("--seeds \(seeds): at least 1") }
        guard (8...1 << 20).contains(values), values % 8 == 0 else {
            throw ValidationError("--values \(values): a multiple of 8 from 8 to 1048576")
        }
        guard limit > 0, limit <= 1e9 else { throw ValidationError("--limit: above 0") }
        if let lastRound, lastRound < 0 { throw ValidationError("--last-round \(lastRound): from 0 on") }
        if let jobs, !(1...1024).contains(jobs) { throw ValidationError("--jobs \(jobs): from 1 to 1024") }
        guard faults == nil || !(drawFaults || drawByzantine) else {
            throw ValidationError("faults come from --faults FILE or are drawn, not both")
        }
        guard seeds == 1 || trace == nil else { throw ValidationError("--trace is for one seed") }
        guard seeds == 1 || out == nil else {
            throw ValidationError("--out is for one seed; a sweep prints with --json")
        }
    }

    /// Whether the peers' cryptography is real.
    enum Crypto: String, ExpressibleByArgument {
        case on, off
    }

    func run() async throws {
        try await reportingFailures {
            SignatureMemory.begin()
            if crypto == .off, !PretendedCryptography.begin() {
                throw CommandFailure("this process has used real keys already: --crypto off comes too late")
            }
            let swarm = try SwarmTopology.load(path: topology)
            if trainers.pace { return try await measurePace(swarm) }
            let written = try faults.map { try FaultSchedule.load($0) }
            let first = seed ?? UInt64.random(in: 0..<1 << 32)
            guard seeds == 1 || first <= UInt64.max - UInt64(seeds) else {
                throw CommandFailure("--seed \(first): there are no \(seeds) seeds from there on")
            }
            let trainer = try trainers.training(swarm, path: topology)
            if seeds == 1 {
                try await runOne(scenario(swarm, written, trainer?.training, seed: first))
            } else {
                try await sweep(swarm, written, trainer?.training, from: first).run()
            }
            try trainer?.recorder?.close()
        }
    }

    private func sweep(
        _ swarm: SwarmTopology, _ written: FaultSchedule?, _ training: (any SwarmTraining)?, from first: UInt64
    ) -> SeedSweep {
        var sweep = SeedSweep(
            seeds: first..<first + UInt64(seeds), width: jobs ?? ProcessInfo.processInfo.activeProcessorCount,
            untilViolation: untilViolation, json: json,
            scenario: { scenario(swarm, written, training, seed: $0) }, replay: { replay($0) })
        if bothTiers { sweep.difference = { try await difference($0, $1) } }
        return sweep
    }

    private func measurePace(_ swarm: SwarmTopology) async throws {
        var swarm = swarm
        swarm.makePathsAbsolute(relativeTo: URL(fileURLWithPath: topology).deletingLastPathComponent())
        let seconds = try await LoRATraining.pace(swarm).inSeconds
        let text = String(format: "%.4f", seconds)
        print(
            json
                ? "{\"peers\":\(swarm.peers.count),\"seconds_per_round\":\(text)}"
                : "\(text) s for the local steps of a round, one peer alone on a core")
    }

    private func scenario(
        _ swarm: SwarmTopology, _ written: FaultSchedule?, _ training: (any SwarmTraining)?, seed: UInt64
    ) -> SimulationScenario {
        let faults: FaultSchedule =
            drawFaults || drawByzantine
            ? .drawn(seed: seed, temper: .init(hasByzantine: drawByzantine)) : written ?? .none
        var scenario = SimulationScenario(
            topology: swarm, faults: faults, seed: seed, adapterCount: values,
            trainingTime: trainers.duration, limit: .seconds(limit))
        scenario.training = training
        if actors { scenario.tier = .actors }
        scenario.lastRound = lastRound
        if drawFaults || drawByzantine { scenario.varySurroundings() }
        return scenario
    }

    /// The command that runs a seed again.
    private func replay(_ seed: UInt64) -> String {
        var words = ["murmur simulate", topology]
        if let faults { words.append("--faults \(faults)") }
        if drawFaults { words.append("--draw-faults") }
        if drawByzantine { words.append("--draw-byzantine") }
        words.append("--seed \(seed)")
        if actors { words.append("--actors") }
        if bothTiers { words.append("--both-tiers") }
        if crypto == .off { words.append("--crypto off") }
        if let lastRound { words.append("--last-round \(lastRound)") }
        if values != 64 { words.append("--values \(values)") }
        words += trainers.words
        if limit != 14_400 { words.append("--limit \(limit)") }
        return words.joined(separator: " ")
    }

    private func runOne(_ scenario: SimulationScenario) async throws {
        let file = try trace.map { try TraceFile(path: $0) }
        var write: (@Sendable (String) -> Void)?
        if let file { write = { line in file.write(line) } }
        var swarm = try SimulatedSwarm(scenario, write: write)
        let line = ProgressLine("Simulating")
        swarm.watch = { progress in
            let last = scenario.lastRound
            line.update(
                last == nil ? progress.finished : progress.slowest, of: last ?? progress.peers,
                detail: (last == nil ? "peers finished, " : "rounds of the slowest peer, ")
                    + "rounds \(progress.slowest) to \(progress.fastest), "
                    + "\(Int(progress.seconds)) s of virtual time, \(progress.events) events")
        }
        let report = try await swarm.runWithTrainers()
        line.finish()
        try file?.close()
        if bothTiers, let difference = try await difference(report, scenario) { throw CommandFailure(difference) }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let text = String(decoding: try encoder.encode(report), as: UTF8.self)
        if let out {
            try FileManager.default.createDirectory(atPath: out, withIntermediateDirectories: true)
            try Data((text + "\n").utf8).write(to: URL(fileURLWithPath: out).appendingPathComponent("simulation.json"))
        }
        print(json ? text : summary(report))
        if !report.violations.isEmpty {
            throw CommandFailure(
                "\(report.violations.count) violations; the first: \(report.violations[0])\n"
                    + "run it again with: \(replay(report.seed))")
        }
    }

    /// In what the other tier's run differs from this one's report; nil where it is the same.
    private func difference(_ report: SimulationReport, _ scenario: SimulationScenario) async throws -> String? {
        var other = scenario
        other.tier = scenario.tier == .cores ? .actors : .cores
        var swarm = try SimulatedSwarm(other)
        let second = try await swarm.runWithTrainers()
        return second == report
            ? nil
            : "the tiers differ: traces \(report.traceHash) and \(second.traceHash), "
                + "adapters \(report.adapterDigest) and \(second.adapterDigest)"
    }

    private func summary(_ report: SimulationReport) -> String {
        let finished = report.peers.count(where: \.isFinished)
        let distance = report.consensusDistance.map { String(format: "%.2e", $0) } ?? "–"
        let loss = report.meanLoss.map { String(format: "%.6f", $0) } ?? "–"
        let isToy = trainers.trainer == "quadratic"
        let each = report.peers.map { peer in
            let loss = peer.loss.map { String(format: "%.4f", $0) } ?? "–"
            return
                "  \(peer.name): loss \(loss), round \(peer.round), \(peer.bytesSent) bytes sent, starts \(peer.starts)"
        }
        return
            ([
                "seed \(report.seed), faults: \(report.faults)",
                "\(finished) of \(report.peers.count) peers finished after \(Int(report.seconds)) s of virtual time, "
                    + "in round \(report.rounds)",
                "\(report.datagrams) datagrams, \(report.datagramsLost) lost, \(report.bytesSent) bytes sent",
                Self.spread(report.spread),
                "consensus distance \(distance), \(isToy ? "loss beyond the optimum" : "mean held-out loss") \(loss)",
                "trace \(report.traceHash) of \(report.events) events, adapters \(report.adapterDigest)",
            ] + (isToy ? [] : each)).joined(separator: "\n")
    }

    private static func spread(_ spread: SimulationReport.Spread) -> String {
        let hops =
            spread.lastDeliveryHops.map { "\($0) hops to the last delivery" } ?? "not everything reached everyone"
        return "\(hops), \(spread.missed) contributions missed, redundancy "
            + String(format: "%.4f, %.2f bytes sent a payload byte", spread.redundancy, spread.bytesPerPayloadByte)
    }
}
