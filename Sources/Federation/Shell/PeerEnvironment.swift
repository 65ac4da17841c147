/// What a peer's process takes from the world beside its network, trainer and disk: clocks, randomness, and where its
/// tasks run.
package struct PeerEnvironment: Sendable {
    /// The clocks.
    package var clock: any PeerClock
    /// The protocol's randomness.
    package var randomness: PeerRandomness
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
    func start(_ operation: @escaping @Sendable () async -> Void) -> Task<Void, Never> {
        Task(executorPreference: executor) { await operation() }
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
