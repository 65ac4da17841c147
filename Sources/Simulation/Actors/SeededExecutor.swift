import Basics
import Synchronization

/// Runs the jobs of simulated peers' tasks on the thread that asks it to, one at a time. Which of the jobs that are ready
/// comes next is drawn from a seed: what a peer does must not depend on the order in which the runtime takes up its tasks.
final class SeededExecutor: TaskExecutor {
    private struct State {
        var ready: [UnownedJob] = []
        var generator: SeededGenerator
        var isRunning = false
    }

    private let state: Mutex<State>

    init(seed: UInt64) {
        state = Mutex(State(generator: SeededGenerator(seed: seed, label: "executor")))
    }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        state.withLock { $0.ready.append(job) }
    }

    /// Runs what is ready, and what becomes ready by it, until nothing is.
    func runUntilIdle() {
        state.withLock { state in
            precondition(!state.isRunning, "a job waits for the jobs after it")
            state.isRunning = true
        }
        while let job = takeOne() { job.runSynchronously(on: asUnownedTaskExecutor()) }
    }

    /// Whether jobs run: nothing that they do may happen at another time.
    var isRunning: Bool { state.withLock(\.isRunning) }

    private func takeOne() -> UnownedJob? {
        state.withLock { state in
            guard !state.ready.isEmpty else {
                state.isRunning = false
                return nil
            }
            let place = Int(state.generator.next() % UInt64(state.ready.count))
            // The order among those that stay is of no account: it is drawn anew every time.
            state.ready.swapAt(place, state.ready.count - 1)
            return state.ready.removeLast()
        }
    }
}
