package import Basics
import Foundation
package import SwarmFile

/// What a peer's process takes from the world beside its network, trainer and disk: clocks, randomness, and where its
/// tasks run.
package struct PeerEnvironment: Sendable {
    package var clock: any PeerClock
    /// The protocol's randomness.
    package var randomness: PeerRandomness
    /// Looks up the address of a host by its name; nil where there are no names.
    package var lookUp: (@Sendable (PeerAddress) async throws -> NetworkAddress)?
    /// Where the peer's tasks run; nil for the default executor. A simulated peer runs on the simulator's.
    package var executor: (any TaskExecutor)?

    package init(clock: any PeerClock, randomness: PeerRandomness, executor: (any TaskExecutor)? = nil) {
        self.clock = clock
        self.randomness = randomness
        self.executor = executor
    }

    /// The real world.
    package static var system: PeerEnvironment {
        PeerEnvironment(clock: SystemClock(), randomness: .system)
    }

    /// Starts a task where the peer's tasks run. Nothing in a peer starts one otherwise: it would run beside the
    /// simulator.
    func start(
        priority: TaskPriority? = nil, _ operation: @escaping @Sendable () async -> Void
    ) -> Task<Void, Never> {
        Task(executorPreference: executor, priority: priority) { await operation() }
    }
}

/// Where a peer's randomness comes from: timing and padding, and the handshakes' ephemeral keys.
package struct PeerRandomness: RandomNumberGenerator, Sendable {
    private let draw: @Sendable () -> UInt64

    /// Words from `draw`.
    package init(draw: @escaping @Sendable () -> UInt64) {
        self.draw = draw
    }

    /// The system's, which is fit for keys.
    package static let system = PeerRandomness {
        var generator = SystemRandomNumberGenerator()
        return generator.next()
    }

    package mutating func next() -> UInt64 { draw() }
}

/// What a peer's process asks of its clocks. The real ones are `SystemClock`; simulated peers have virtual ones, which may
/// drift and be set.
package protocol PeerClock: Sendable {
    /// The moment it is, on a clock that never goes back.
    func now() -> MonotonicTime
    /// The wall clock: nanoseconds since 1970.
    func wall() -> UInt64
    /// Returns at `time`, or earlier when the task is cancelled.
    func sleep(until time: MonotonicTime) async
}

/// The real clock as protocol code counts it: nanoseconds since the process's first question.
package struct SystemClock: PeerClock {
    private static let origin = ContinuousClock.now

    package init() {}

    package func now() -> MonotonicTime {
        MonotonicTime(nanoseconds: (ContinuousClock.now - Self.origin).wholeNanoseconds)
    }

    package func wall() -> UInt64 { UInt64(max(0, Date().timeIntervalSince1970) * 1e9) }

    package func sleep(until time: MonotonicTime) async {
        try? await Task.sleep(until: Self.origin + .nanoseconds(time.nanoseconds), clock: .continuous)
    }
}
