import Basics
import Faults
import Foundation
import Recording
package import Simulation
import Storage
import SwarmFile

/// `murmur simulate` at work: one seed with all that is to be said of it, or a sweep of many.
package struct SimulationRun: Sendable {
    private let choices: SimulationChoices
    private let topology: SwarmTopology
    private let faults: FaultSchedule?
    private let training: (any SwarmTraining)?
    private let recordings: RecordingFolder?
    private let recordingLock: FolderLock?

    /// Reads what `choices` name. With `recordingPath` what the trainers return is written down in that folder.
    package init(_ choices: SimulationChoices, recordingPath: String? = nil) throws {
        self.choices = choices
        let swarm = try SwarmComposition.load(choices.topologyPath)
        topology = swarm.topology
        faults = try choices.faultsPath.map { try FaultSchedule.load($0) }
        if let recordingPath { try OutputFolder.recording.check(recordingPath) }
        recordings = recordingPath.map { RecordingFolder($0) }
        recordingLock = try recordingPath.map { try OutputFolder.recording.claim($0) }
        training = try Self.training(choices, swarm, recordings)
    }

    /// Who trains; nil for the toy, which the simulator has of its own.
    private static func training(
        _ choices: SimulationChoices, _ swarm: SwarmComposition, _ recordings: RecordingFolder?
    ) throws -> (any SwarmTraining)? {
        switch choices.trainer {
        case .quadratic: return nil
        case .recorded(let folder):
            guard swarm.topology.exchange.gain == nil else {
                throw CommandFailure(
                    "exchange.gain needs a model to measure adapters by, and a recording has none: take --trainer lora "
                        + "or leave gain out")
            }
            guard !swarm.topology.exchange.tracking else {
                throw CommandFailure(
                    "exchange.tracking needs the gradients of local steps, and a recording has none: take --trainer lora or "
                        + "leave tracking out")
            }
            let found = try RecordingFolder(folder).read(swarm.names)
            do {
                return try RecordedTraining(
                    found, pace: choices.trainingTime == nil ? nil : choices.duration, fallback: choices.duration)
            } catch let mismatch as RecordingMismatch {
                throw CommandFailure("\(folder): \(mismatch)")
            }
        default:
            return try SimulatedTraining(
                try choices.trainer.factory(for: swarm, own: nil), names: swarm.names, mean: choices.duration,
                recordings: recordings, measuresGains: swarm.topology.exchange.gain != nil)
        }
    }

    private func scenario(_ seed: UInt64) -> SimulationScenario {
        choices.scenario(topology, faults, training, seed: seed)
    }

    /// What of one run is kept.
    package struct Outputs: Sendable {
        /// The file that receives the readable event log; nil for none.
        package var trace: String?
        /// The folder that receives `simulation.json`; nil for none.
        package var folder: String?
        /// Whether the report is printed as JSON instead of a summary.
        package var json: Bool

        package init(trace: String? = nil, folder: String? = nil, json: Bool = false) {
            self.trace = trace
            self.folder = folder
            self.json = json
        }
    }

    /// Runs one seed and prints what came of it.
    ///
    /// - Throws: `CommandFailure` where a checker objects, or the tiers differ.
    package func runOne(seed: UInt64, outputs: Outputs) async throws {
        let scenario = scenario(seed)
        let lock = try outputs.folder.map { try OutputFolder.simulation.claim($0) }
        defer { withExtendedLifetime((lock, recordingLock)) {} }
        let report = try await watched(scenario, trace: outputs.trace)
        if choices.runsBothTiers, let difference = try await Self.difference(report, scenario) {
            throw CommandFailure(difference)
        }
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.prettyPrinted, .sortedKeys]
        let text = String(decoding: try encoder.encode(report), as: UTF8.self)
        if let folder = outputs.folder {
            try Data((text + "\n").utf8).write(
                to: URL(fileURLWithPath: folder).appendingPathComponent("simulation.json"))
        }
        Terminal.print(
            outputs.json
                ? text : report.summary(isToy: choices.trainer == .quadratic, lastRound: choices.lastRound))
        if !report.violations.isEmpty {
            throw CommandFailure(
                "\(report.violations.count) violations; the first: \(report.violations[0])\n"
                    + "run it again with: \(choices.replay(report.seed))")
        }
        try recordings?.close()
    }

    private func watched(_ scenario: SimulationScenario, trace: String?) async throws -> SimulationReport {
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
        return report
    }

    /// Runs `count` seeds from `first` on, `width` at once.
    ///
    /// - Throws: `CommandFailure` if a seed violated a checker or did not repeat itself.
    package func sweep(
        from first: UInt64, count: Int, width: Int, untilViolation: Bool, json: Bool
    ) async throws {
        var sweep = SeedSweep(
            seeds: first..<first + UInt64(count), width: width, untilViolation: untilViolation, json: json,
            scenario: { scenario($0) }, replay: { choices.replay($0) })
        if choices.runsBothTiers { sweep.difference = { try await Self.difference($0, $1) } }
        try await sweep.run()
        try recordings?.close()
    }

    /// In what the other tier's run differs from this one's report; nil where it is the same.
    private static func difference(
        _ report: SimulationReport, _ scenario: SimulationScenario
    ) async throws -> String? {
        var other = scenario
        other.tier = scenario.tier == .cores ? .actors : .cores
        var swarm = try SimulatedSwarm(other)
        let second = try await swarm.runWithTrainers()
        return second == report
            ? nil
            : "the tiers differ: traces \(report.traceHash) and \(second.traceHash), "
                + "adapters \(report.adapterDigest) and \(second.adapterDigest)"
    }
}

extension SimulationReport {
    /// The report for people. `isToy` says that the losses are the toy's; `lastRound` is the round after which the run was
    /// ended, where it was.
    package func summary(isToy: Bool, lastRound: Int? = nil) -> String {
        let finished = peers.count(where: \.isFinished)
        // A run that is ended on purpose finishes nobody.
        let outcome =
            lastRound.map { last in
                "\(peers.count { $0.round >= last }) of \(peers.count) peers reached round \(last), where the run was ended,"
            } ?? "\(finished) of \(peers.count) peers finished"
        let distance = consensusDistance.map { String(format: "%.2e", $0) } ?? "–"
        let loss = meanLoss.map { String(format: "%.6f", $0) } ?? "–"
        let each = peers.map { peer in
            let loss = peer.loss.map { String(format: "%.4f", $0) } ?? "–"
            return
                "  \(peer.name): loss \(loss), round \(peer.round), \(peer.bytesSent) bytes sent, starts \(peer.starts)"
        }
        let hops =
            spread.lastDeliveryHops.map { "\($0) hops to the last delivery" } ?? "not everything reached everyone"
        return
            ([
                "seed \(seed), faults: \(faults)",
                "\(outcome) after \(Int(seconds)) s of virtual time, "
                    + "in round \(rounds)",
                "\(datagrams) datagrams, \(datagramsLost) lost, \(bytesSent) bytes sent",
                "\(hops), \(spread.missed) contributions missed, redundancy "
                    + String(
                        format: "%.4f, %.2f bytes sent a payload byte", spread.redundancy, spread.bytesPerPayloadByte),
                "consensus distance \(distance), \(isToy ? "loss beyond the optimum" : "mean held-out loss") \(loss)",
                "trace \(traceHash) of \(events) events, adapters \(finished > 0 ? adapterDigest : "of nobody")",
            ] + (isToy ? [] : each)).joined(separator: "\n")
    }
}
