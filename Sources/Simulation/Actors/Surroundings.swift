import Adapters
import Basics
import Federation
import Overlay
import Synchronization
import Wire

/// What one process of a simulated `actor Peer` has around it: its clocks, its network, its trainer, its disk and its
/// listener. What the peer does to them is kept as effects for the swarm; what it waits for the swarm brings.
final class Surroundings: Sendable {
    /// A simulated process has ended while its shell still waited for something.
    struct Death: Error {}

    struct State {
        var now: MonotonicTime
        var wall: UInt64
        var generator: SeededGenerator
        var effects: [PeerEffect] = []
        /// Sleeps that are under way, and such as were over before they began.
        var sleeps: [UInt64: CheckedContinuation<Void, Never>] = [:]
        var cancelledSleeps: Set<UInt64> = []
        var nextSleep: UInt64 = 0
        var training: CheckedContinuation<TrainingOutcome, any Error>?
        var snapshot: [UInt8] = []
        var writing: CheckedContinuation<String?, Never>?
        /// Whether the peer's `run` has returned.
        var hasEnded = false
        var isDead = false
    }

    let state: Mutex<State>
    let executor: SeededExecutor
    let kept: StoredState
    let incoming: AsyncStream<[Datagram]>
    let arrivals: AsyncStream<[Datagram]>.Continuation
    let localAddress: NetworkAddress
    let schema: AdapterSchema
    let sampleCount: Int

    init(
        _ configuration: PeerConfiguration, address: NetworkAddress, kept: StoredState, executor: SeededExecutor,
        wall: UInt64, at time: MonotonicTime
    ) {
        // The randomness comes with the first turn; nothing draws before.
        state = Mutex(State(now: time, wall: wall, generator: SeededGenerator(seed: 0)))
        self.executor = executor
        self.kept = kept
        localAddress = address
        schema = configuration.schema
        sampleCount = configuration.roster.sampleCount
        (incoming, arrivals) = AsyncStream.makeStream()
    }

    /// Clocks, randomness and executor for the peer.
    var environment: PeerEnvironment {
        PeerEnvironment(
            clock: self, randomness: PeerRandomness { [self] in state.withLock { $0.generator.next() } },
            executor: executor)
    }

    /// Keeps what the peer wants done; the dead want nothing.
    func record(_ effect: PeerEffect) {
        precondition(executor.isRunning, "a task of a simulated peer ran outside of its executor")
        state.withLock { if !$0.isDead { $0.effects.append(effect) } }
    }

    /// The process ends without a word: whatever its shell waits for is over, and what it does has no effect.
    func die() {
        let (sleeps, training, writing) = state.withLock { state in
            state.isDead = true
            defer { (state.sleeps, state.training, state.writing) = ([:], nil, nil) }
            return (state.sleeps, state.training, state.writing)
        }
        arrivals.finish()
        for sleep in sleeps.sorted(by: { $0.key < $1.key }) { sleep.value.resume() }
        training?.resume(throwing: Death())
        writing?.resume(returning: "\(Death())")
    }
}

extension Surroundings: PeerClock {
    func now() -> MonotonicTime { state.withLock(\.now) }

    func wall() -> UInt64 { state.withLock(\.wall) }

    func sleep(until time: MonotonicTime) async {
        let number = state.withLock { state in
            state.nextSleep += 1
            return state.nextSleep
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    // The cancellation may come before the continuation is there.
                    if state.cancelledSleeps.remove(number) != nil || state.isDead { return true }
                    state.sleeps[number] = continuation
                    return false
                }
                if isOver { continuation.resume() } else { record(.wake(at: time)) }
            }
        } onCancel: {
            let continuation = state.withLock { state in
                if let sleep = state.sleeps.removeValue(forKey: number) { return sleep as Optional }
                state.cancelledSleeps.insert(number)
                return nil
            }
            continuation?.resume()
        }
    }
}

extension Surroundings: DatagramEndpoint {
    func send(_ datagrams: [Datagram]) {
        for datagram in datagrams { record(.send(datagram)) }
    }

    func close() async { arrivals.finish() }
}

extension Surroundings: AdapterTrainer {
    func train(_ request: TrainingRequest) async throws -> TrainingOutcome {
        try await withCheckedThrowingContinuation { continuation in
            let isDead = state.withLock { state in
                if !state.isDead { state.training = continuation }
                return state.isDead
            }
            if isDead { continuation.resume(throwing: Death()) } else { record(.train(request)) }
        }
    }

    func snapshot() async throws -> [UInt8] { state.withLock(\.snapshot) }

    /// The swarm keeps the trainers, and has restored this one.
    func restore(_ snapshot: [UInt8]) async throws {}
}

extension Surroundings: PeerStore {
    func stored() -> StoredState { kept }

    func keep(_ checkpoint: PeerCheckpoint) async -> String? { await keep(.write(checkpoint)) }

    func keep(_ memory: EndpointMemory) async -> String? { await keep(.remember(memory)) }

    private func keep(_ effect: PeerEffect) async -> String? {
        await withCheckedContinuation { continuation in
            let isDead = state.withLock { state in
                if !state.isDead { state.writing = continuation }
                return state.isDead
            }
            if isDead { continuation.resume(returning: "\(Death())") } else { record(effect) }
        }
    }
}
