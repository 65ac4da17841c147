import ArgumentParser
import Basics
import Cryptography
import Foundation
import MurmurKit

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
              murmur simulate topologies/ring-8.yaml \\
                  --faults topologies/faults/lossy.yaml --trace run.trace
              murmur simulate topologies/torus-16.yaml --draw-faults --seed 1 --seeds 1000
              murmur simulate topologies/complete-4.yaml --trainer lora --record run
              murmur simulate topologies/complete-4.yaml --trainer run \\
                  --faults topologies/faults/crash.yaml --both-tiers
            """)

    @Argument(help: "The topology file.") var topology: String
    @Option(help: "The fault file: what goes wrong, and when.") var faults: String?
    @Flag(help: "Draw faults of all kinds from the seed.") var drawFaults = false
    @Flag(help: "Draw also a peer that is not honest.") var drawByzantine = false
    @Option(help: "The seed; one is drawn and printed unless given.") var seed: UInt64?
    @Option(help: "How many seeds to run, from --seed on.") var seeds = 1
    @Flag(help: "End a sweep at the first seed with a violation.") var untilViolation = false
    @Option(help: "How many runs at once; one for each core unless given.") var jobs: Int?
    @Option(help: "Values of the toy adapter.") var values = SimulationChoices.usualValues
    @OptionGroup var trainers: TrainerOptions
    @Option(help: "End the run when every peer has mixed in this round, counted from 0.") var lastRound: Int?
    @Option(help: "Seconds of virtual time after which a run is given up.") var limit = SimulationChoices.usualLimit
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
        SignatureMemory.begin()
        if crypto == .off, !PretendedCryptography.begin() {
            throw CommandFailure("this process has used real keys already: --crypto off comes too late")
        }
        if trainers.pace { return try await measurePace() }
        let first = seed ?? UInt64.random(in: 0..<1 << 32)
        guard seeds == 1 || first <= UInt64.max - UInt64(seeds) else {
            throw CommandFailure("--seed \(first): there are no \(seeds) seeds from there on")
        }
        let run = try SimulationRun(choices, recordingPath: trainers.record)
        if seeds == 1 {
            try await run.runOne(seed: first, outputs: .init(trace: trace, folder: out, json: json))
        } else {
            try await run.sweep(
                from: first, count: seeds, width: jobs ?? ProcessInfo.processInfo.activeProcessorCount,
                untilViolation: untilViolation, json: json)
        }
    }

    private var choices: SimulationChoices {
        var choices = SimulationChoices(topologyPath: topology)
        choices.faultsPath = faults
        choices.drawsFaults = drawFaults
        choices.drawsByzantine = drawByzantine
        choices.trainer = trainers.choice
        choices.trainingTime = trainers.trainingTime
        choices.values = values
        choices.lastRound = lastRound
        choices.limit = limit
        choices.hasCryptography = crypto == .on
        choices.runsActors = actors
        choices.runsBothTiers = bothTiers
        return choices
    }

    private func measurePace() async throws {
        let swarm = try SwarmComposition.load(topology)
        let text = String(format: "%.4f", try await BuiltInTrainers.pace(swarm.topology).inSeconds)
        Terminal.print(
            json
                ? "{\"peers\":\(swarm.names.count),\"seconds_per_round\":\(text)}"
                : "\(text) s for the local steps of a round, one peer alone on a core")
    }
}
