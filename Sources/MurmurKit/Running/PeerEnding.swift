import Adapters
import Federation
import Foundation
import Observability
import Storage
import Synchronization

/// Keeps the participation of a peer's run up to date with what the peer tells, and who gained from whom.
final class ParticipationSink: EventSink {
    private let known: Mutex<Participation>
    private let gained: Mutex<GainMatrix>

    /// What the log's `earlier` lines tell of the run of the peer called `name`.
    init(_ earlier: [LoggedEvent], of swarm: SwarmComposition, _ name: String) throws {
        var participation = try Participation(swarm.topology, peer: name)
        for event in earlier { participation.record(event) }
        known = Mutex(participation)
        var gains = GainMatrix(names: swarm.names)
        for event in earlier { gains.record(event) }
        gained = Mutex(gains)
    }

    /// What is known now.
    var state: Participation { known.withLock { $0 } }

    /// Who gained from whom, as far as this peer was told.
    var gains: GainMatrix { gained.withLock { $0 } }

    func receive(_ event: ToldEvent) {
        known.withLock { $0.record(event.line) }
        gained.withLock { $0.record(event.line) }
    }
}

/// The PEFT directory that a run leaves, and whether it could be written.
final class AdapterFile: Sendable {
    /// How it stands with the directory.
    enum State: Sendable, Equatable {
        /// Nothing was to be written yet, or no model belongs to the run.
        case none
        case written
        case failed(String)
    }

    let path: String
    let provenance: AdapterProvenance
    private let current = Mutex(State.none)

    init(path: String, provenance: AdapterProvenance) {
        self.path = path
        self.provenance = provenance
    }

    var state: State { current.withLock { $0 } }

    /// Writes `adapter`; nil where no model belongs to it.
    ///
    /// - Parameter progress: what is known of this adapter in particular.
    func write(_ adapter: PEFTAdapter?, progress: [(name: String, value: String)] = []) {
        guard let adapter else { return }
        do {
            try provenance.write(adapter, to: path, progress: progress)
            current.withLock { $0 = .written }
        } catch {
            current.withLock { $0 = .failed("\(error)") }
        }
    }

    /// Enters into its card what was measured of the adapter after it was written.
    func add(_ metrics: [ModelCard.Metric]) {
        guard state == .written, !metrics.isEmpty else { return }
        do {
            try ModelCard.add(metrics, toCardIn: path)
        } catch {
            Terminal.note("murmur: what was measured is not in the adapter's card: \(error)")
        }
    }
}

/// What a peer's run came to: the exit code, the last lines on the screen, and `summary.json`.
struct PeerEnding {
    let participation: Participation
    let status: ExitStatus
    /// What is kept, in sentences.
    private let kept: [String]
    private let adapter: AdapterFile
    private let validation: ValidationSummary?
    private let choice: KeptAdapter?
    private let gain: GainSummary?
    private let heldOut: MeasuredLoss?

    /// - Parameters:
    ///   - hasFinalAdapter: whether the swarm was done before the peer stopped.
    ///   - latest: where the adapter of the newest checkpoint is.
    ///   - ledgerGap: lines of the ledger that the disk has not taken.
    ///   - validation: what was measured on the validation part; nil where there is none.
    ///   - choice: which adapter the peer keeps, and why; nil where it was not asked to choose.
    ///   - gain: who gained from whom, as far as this peer knows; nil where nobody measured.
    ///   - heldOut: the loss of the adapter that is kept on the held-out records; nil where it was not measured.
    init(
        _ participation: Participation, quorum: Quorum, hasFinalAdapter: Bool, adapter: AdapterFile, latest: String,
        ledgerGap: Int = 0, validation: ValidationSummary? = nil, choice: KeptAdapter? = nil, gain: GainSummary? = nil,
        heldOut: MeasuredLoss? = nil
    ) {
        self.participation = participation
        self.adapter = adapter
        self.validation = validation
        self.choice = choice
        self.gain = gain
        self.heldOut = heldOut
        var (status, kept) =
            hasFinalAdapter
            ? Self.finished(participation, quorum, adapter)
            : Self.stopped(participation, latest)
        if ledgerGap > 0 {
            status = .unwritten
            kept.append(
                "The disk took no more lines: outgoing.jsonl lacks \(ledgerGap) of those that say what left this peer.")
        }
        if let choice { kept.append(choice.sentence) }
        if let sentence = validation?.sentence(rounds: participation.rounds) { kept.append(sentence) }
        if let heldOut {
            kept.append("On \(heldOut.records) held-out records its loss is \(Readable.number(heldOut.loss)).")
        }
        (self.status, self.kept) = (status, kept)
    }

    private static func finished(
        _ participation: Participation, _ quorum: Quorum, _ adapter: AdapterFile
    ) -> (ExitStatus, [String]) {
        let status = participation.status(quorum)
        var lines: [String] = []
        if case .failed(let reason) = adapter.state {
            lines.append("The adapter could not be written to \(adapter.path): \(reason)")
        }
        if let reason = participation.checkpointFailure {
            lines.append("The last checkpoint could not be written: \(reason)")
        }
        guard lines.isEmpty else {
            if participation.checkpointFailure == nil {
                lines.append("The checkpoint holds it: make room, and the same command writes it.")
            } else if adapter.state == .written {
                lines.append("The adapter is in \(adapter.path)")
            }
            return (.unwritten, lines)
        }
        let place = adapter.state == .written ? " The adapter is in \(adapter.path)" : ""
        switch status {
        case .success: lines.append("Done." + place)
        case .short: lines.append("Finished, but short of what was asked (exit code \(status.rawValue))." + place)
        default: lines.append("Finished, but not with everybody (exit code \(status.rawValue))." + place)
        }
        return (status, lines)
    }

    private static func stopped(_ participation: Participation, _ latest: String) -> (ExitStatus, [String]) {
        guard let round = participation.checkpointRound else {
            if let reason = participation.checkpointFailure {
                return (.unwritten, ["Stopped; no checkpoint could be written: \(reason)"])
            }
            return (.interrupted, ["Stopped before the first checkpoint: the same command begins anew."])
        }
        func place(_ round: Int) -> String { EventDescription.place(round, of: participation.rounds) }
        var lines = ["Stopped before the end; the same command goes on from the checkpoint, with \(place(round))."]
        if participation.hasUnmixedSteps {
            lines.append(
                "The local steps of \(place(participation.round)) are not in the checkpoint: they will be taken again.")
        }
        if let reason = participation.checkpointFailure {
            lines.append("A newer checkpoint could not be written: \(reason)")
        }
        if FileManager.default.fileExists(atPath: latest + "/adapter_config.json") {
            lines.append("The adapter as it was then is in \(latest)")
        }
        return (.stopped, lines)
    }

    /// The last lines on the screen.
    var lines: [String] { [""] + participation.table.lines + [""] + participation.remarks(status) + kept }

    /// Writes `summary.json` into the peer's `folder`; a disk that refuses has been told of.
    func write(to folder: URL) {
        let summary = PeerSummary(
            peer: participation.peer, exit: status.rawValue, meaning: status.meaning, said: kept,
            adapter: adapter.state == .written ? adapter.path : nil, checkpointRound: participation.checkpointRound,
            participation: participation.summary, validation: validation, kept: choice, gain: gain,
            heldOut: heldOut.map { HeldOutSummary(loss: $0.loss.isFinite ? $0.loss : nil, records: $0.records) })
        let path = folder.appendingPathComponent("summary.json").path
        do {
            try AtomicFile.write(Array(try JSONText.of(summary).utf8), to: path)
        } catch {
            Terminal.note("murmur: \(error)")
        }
    }
}

/// What the adapter that a peer keeps makes of the held-out records; no loss where that is no number.
private struct HeldOutSummary: Encodable {
    let loss: Double?
    let records: Int
}

/// The content of a peer's `summary.json`.
private struct PeerSummary: Encodable {
    let peer: String
    let exit: Int32
    let meaning: String
    let said: [String]
    let adapter: String?
    let checkpointRound: Int?
    let participation: ParticipationSummary
    let validation: ValidationSummary?
    let kept: KeptAdapter?
    let gain: GainSummary?
    let heldOut: HeldOutSummary?

    private enum CodingKeys: String, CodingKey {
        case peer, exit, meaning, said, adapter, participation, validation, kept, gain
        case heldOut = "held_out"
        case checkpointRound = "checkpoint_round"
    }
}
