import Federation
import Foundation
import InstructionTuning
import Observability
import Synchronization

/// Tells listeners how many of a round's local steps are done, twice a second at most. The log has no such lines: they are
/// for whoever looks on.
final class StepTeller: EventSink {
    private struct State {
        var sinks: [any EventSink] = []
        var round = 0
        var localSteps = 1
        var lastTold = ContinuousClock.now - .seconds(1)
    }

    private let peer: String
    private let state = Mutex(State())

    init(peer: String) { self.peer = peer }

    /// How many steps a round has; known when the trainer has its records.
    var localSteps: Int {
        get { state.withLock { $0.localSteps } }
        set { state.withLock { $0.localSteps = newValue } }
    }

    /// Tells `sinks` from now on.
    func begin(_ sinks: [any EventSink]) {
        state.withLock { $0.sinks = sinks }
    }

    func receive(_ event: ToldEvent) {
        guard event.line.event == "round_started", let round = event.line.round else { return }
        state.withLock { $0.round = round }
    }

    /// A step was taken; on the trainer's lane.
    func took(_ step: TuningStep) {
        let (round, localSteps, sinks) = state.withLock { state -> (Int, Int, [any EventSink]) in
            let now = ContinuousClock.now
            guard now - state.lastTold >= .milliseconds(500) else { return (0, 1, []) }
            state.lastTold = now
            return (state.round, state.localSteps, state.sinks)
        }
        // The optimiser counts over all rounds, each of which has as many steps.
        let line = LoggedEvent.stepped(
            time: Date().timeIntervalSince1970, peer: peer, round: round, step: step.step % localSteps + 1,
            of: localSteps)
        for sink in sinks { sink.receive(ToldEvent(line)) }
    }
}

/// The local steps of the peer of this process as a line on the terminal, which goes when something is told.
final class StepLine: EventSink {
    private let line = ProgressLine("local steps")
    private let isDrawn = Mutex(false)

    func receive(_ event: ToldEvent) {
        if event.line.event == "stepped", let step = event.line.integer("step"), let steps = event.line.integer("steps")
        {
            isDrawn.withLock { $0 = true }
            line.update(step, of: steps)
        } else if event.description?.isNews == true || event.line.event == "trained" {
            let wasDrawn = isDrawn.withLock { isDrawn in
                defer { isDrawn = false }
                return isDrawn
            }
            if wasDrawn { line.finish() }
        }
    }
}

/// Says how long a round takes, when that is known and when it has become another.
final class PaceTeller: Sendable {
    private struct State {
        var pace = RoundPace()
        var told: Double?
    }

    private let rounds: Int
    private let state = Mutex(State())

    /// For a run of `rounds` rounds with training.
    init(rounds: Int) {
        self.rounds = rounds
    }

    /// What is to be told after `event`; nil where there is nothing new.
    func news(after event: LoggedEvent) -> PeerEvent.Kind? {
        guard event.event == "mixed", let round = event.round, round < rounds else { return nil }
        return state.withLock { state in
            state.pace.ended(round: round, at: event.time)
            guard let each = state.pace.secondsEach, round + 1 < rounds else { return nil }
            if let told = state.told, each < 1.5 * told, told < 1.5 * each { return nil }
            state.told = each
            return .pace(round: round, each: .seconds(each), roundsLeft: rounds - 1 - round)
        }
    }
}

/// Says when the disk stops taking lines of the log and the ledger, and when it takes them again.
final class DiskTeller: Sendable {
    private let told = Mutex<String?>(nil)

    /// What is to be told where the newest line failed for `failure`; nil where there is nothing new.
    func news(after failure: String?) -> PeerEvent.Kind? {
        told.withLock { told in
            guard (failure == nil) != (told == nil) else { return nil }
            told = failure
            return failure.map { .logFailed(reason: $0) } ?? .logResumed
        }
    }
}
