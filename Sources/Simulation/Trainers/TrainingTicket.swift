import Adapters
import Faults
import Synchronization

/// Local steps of a simulated peer that are under way, or done.
///
/// The real work may go on beside the simulation, on whatever cores there are; the simulation waits for it only when
/// virtual time has come to where the steps end. So many peers train at once, and nothing depends on how fast.
package final class TrainingTicket: Sendable {
    /// What came of the steps: the outcome with the trainer's snapshot after them, or why there is none.
    typealias Outcome = Result<(outcome: TrainingOutcome, snapshot: [UInt8]), TrainingFailure>

    private struct State {
        var outcome: Outcome?
        var waiting: CheckedContinuation<Void, Never>?
    }

    /// How the peer behaved when they began.
    let behaviour: ByzantineBehaviour?
    private let state: Mutex<State>

    /// Steps that are done.
    init(_ outcome: TrainingOutcome, snapshot: [UInt8], as behaviour: ByzantineBehaviour?) {
        self.behaviour = behaviour
        state = Mutex(State(outcome: .success((outcome, snapshot))))
    }

    /// Lets `trainer` begin; with `snapshot` it goes back to that first.
    init(
        _ request: TrainingRequest, by trainer: any AdapterTrainer, from snapshot: [UInt8]?,
        as behaviour: ByzantineBehaviour?
    ) {
        self.behaviour = behaviour
        state = Mutex(State())
        Task { [self] in
            do {
                if let snapshot { try await trainer.restore(snapshot) }
                settle(.success((try await trainer.train(request), try await trainer.snapshot())))
            } catch {
                settle(.failure(TrainingFailure(description: "\(error)")))
            }
        }
    }

    /// What came of the steps; nil while they are under way.
    var outcome: Outcome? { state.withLock(\.outcome) }

    /// Returns when they are done. For one who waits.
    package func isSettled() async {
        await withCheckedContinuation { continuation in
            let isSettled = state.withLock { state in
                // Looked at and left under one lock: the steps may end in between.
                if state.outcome == nil { state.waiting = continuation }
                return state.outcome != nil
            }
            if isSettled { continuation.resume() }
        }
    }

    private func settle(_ outcome: Outcome) {
        let waiting = state.withLock { state in
            state.outcome = outcome
            return state.waiting.take()
        }
        waiting?.resume()
    }
}

/// Why simulated local steps could not be taken.
struct TrainingFailure: Error, CustomStringConvertible {
    let description: String
}
