import Adapters
import Basics
import Federation
import Synchronization
import Wire

/// A simulated peer's process with the real shell in it: an `actor Peer` whose tasks run on the simulator's executor.
///
/// Everything that happens to it is a turn: the surroundings are told, the executor runs until nobody has anything to do,
/// and what the peer did to its surroundings meanwhile is handed to the swarm in the order of `PeerDriver`. That order is
/// lost on the way, as training, writing and sleeping begin in tasks of their own; as they do not depend on each other
/// within a turn, it is made again by sorting.
final class ActorProcess: Sendable {
    private let peer: Peer
    private let surroundings: Surroundings
    private let executor: SeededExecutor
    /// The peer's `run`, once it was started.
    private let running = Mutex<Task<Void, Never>?>(nil)

    /// A process of a peer.
    ///
    /// - Throws: `PeerSetupError`.
    init(
        configuration: PeerConfiguration, local: LocalPeer, swarm: SwarmSecret, wire: WireConfiguration,
        surroundings: Surroundings
    ) throws {
        self.surroundings = surroundings
        executor = surroundings.executor
        peer = try Peer(
            configuration: configuration, local: local, swarm: swarm, wire: wire, endpoint: surroundings,
            trainer: surroundings, store: surroundings, environment: surroundings.environment,
            deliver: { surroundings.record(.deliver($0)) })
    }

    /// Lets the peer begin in the turn that is next.
    func start() {
        let task = Task(executorPreference: executor) { [peer, surroundings] in
            let listening = Task(executorPreference: surroundings.executor) {
                for await event in peer.events { surroundings.record(.report(event)) }
            }
            // It throws where the trainer cannot be restored, which the swarm does itself.
            _ = try? await peer.run()
            await listening.value
            surroundings.state.withLock { $0.hasEnded = true }
        }
        running.withLock { $0 = task }
    }

    /// Tells the surroundings something and runs the peer until it waits again; what it did, in the driver's order.
    func turn(
        at time: MonotonicTime, using generator: inout SeededGenerator, _ event: (Surroundings) -> Void
    ) -> [PeerEffect] {
        surroundings.state.withLock { [generator] state in
            state.now = time
            state.generator = generator
        }
        event(surroundings)
        executor.runUntilIdle()
        let (effects, drawn) = surroundings.state.withLock { state in
            defer { state.effects = [] }
            return (state.effects, state.generator)
        }
        // The randomness is the swarm's: it goes into the turn and comes back as the peer has left it.
        generator = drawn
        return (0...6).flatMap { rank in effects.filter { $0.rank == rank } }
    }

    /// Asks the peer something.
    func answer<Answer: Sendable>(_ question: @escaping @Sendable (Peer) async -> Answer) -> Answer {
        let slot = Slot<Answer>()
        let peer = peer
        _ = Task(executorPreference: executor) {
            // The answer is awaited in the capture list: nothing may wait while the lock is held.
            slot.value.withLock { [answer = await question(peer)] in $0 = answer }
        }
        executor.runUntilIdle()
        guard let answer = slot.value.withLock({ $0 }) else { preconditionFailure("a peer does not answer") }
        return answer
    }

    /// Where an answer is put.
    private final class Slot<Answer: Sendable>: Sendable {
        let value = Mutex<Answer?>(nil)
    }

    /// Whether it has come to its end by itself.
    var isDone: Bool { surroundings.state.withLock(\.hasEnded) }

    /// Ends it without a word.
    func kill() {
        // From here on nothing that it does counts; then its tasks come to their ends.
        surroundings.die()
        running.withLock { $0?.cancel() }
        executor.runUntilIdle()
    }
}

extension Surroundings {
    /// A datagram arrives.
    func arrive(_ datagram: Datagram) { arrivals.yield([datagram]) }

    /// The moment of the sleep has come.
    func wakeUp() {
        let sleeps = state.withLock { state in
            defer { state.sleeps = [:] }
            return state.sleeps
        }
        // In the order in which they began: a dictionary's own order changes from run to run.
        for sleep in sleeps.sorted(by: { $0.key < $1.key }) { sleep.value.resume() }
    }

    /// The local steps are done.
    func trained(_ outcome: TrainingOutcome, snapshot: [UInt8]) {
        let training = state.withLock { state in
            state.snapshot = snapshot
            defer { state.training = nil }
            return state.training
        }
        training?.resume(returning: outcome)
    }

    /// The local steps could not be taken.
    func trainingFailed(_ reason: String) {
        let training = state.withLock { state in
            defer { state.training = nil }
            return state.training
        }
        training?.resume(throwing: TrainingFailure(description: reason))
    }

    /// What was being written is on the disk, or is not because of `failure`.
    func written(failure: String?) {
        let writing = state.withLock { state in
            defer { state.writing = nil }
            return state.writing
        }
        writing?.resume(returning: failure)
    }
}

extension PeerEffect {
    /// Its place among the effects of one turn, as `PeerDriver.nextEffect` has it.
    fileprivate var rank: Int {
        switch self {
        case .send: 0
        case .report, .audit: 1
        case .train: 2
        case .deliver: 3
        case .write, .remember: 4
        case .stop: 5
        case .wake: 6
        }
    }
}
