package import Adapters
package import Wire

/// A peer of a swarm, running: the shell that gives `PeerDriver` a clock, a network, a trainer and a disk.
///
/// Everything that decides is in the driver and its core. The shell hands it what happens and performs its effects;
/// training and writing go on beside it, so that datagrams are answered meanwhile.
package actor Peer {
    /// What a peer ends with.
    package struct Result: Sendable {
        /// The final adapter; nil if the peer left before it had one.
        package var delta: AdapterDelta?
        /// Why it stopped.
        package var reason: PeerDirective.StopReason
        /// What went over the network.
        package var traffic: PeerTraffic
    }

    /// What the peer tells, from its start to its end. For one listener; unread events are kept up to 65,536, beyond
    /// that the oldest are dropped.
    package nonisolated let events: AsyncStream<PeerEvent>

    var driver: PeerDriver
    let endpoint: any DatagramEndpoint
    let trainer: any AdapterTrainer
    let store: (any PeerStore)?
    let environment: PeerEnvironment
    var randomness: PeerRandomness
    let eventSink: AsyncStream<PeerEvent>.Continuation
    let deliver: (@Sendable (AdapterDelta) async -> Void)?
    var final: AdapterDelta?
    /// The writing, the delivery and the sleep until a deadline that are under way.
    var writer: Task<Void, Never>?
    var delivery: Task<Void, Never>?
    var sleeper: Task<Void, Never>?
    /// The same, where the endpoint has alarms.
    var alarm: EndpointAlarm?
    /// Wakes the loop that serves deadlines and notices the end.
    let wake: AsyncStream<Void>.Continuation
    let wakes: AsyncStream<Void>
    var isRunning = false

    /// A peer that goes on from what `store` holds, or begins anew.
    ///
    /// - Parameters:
    ///   - endpoint: bound to the peer's address.
    ///   - revocations: of peers whose keys are no longer to be trusted: the swarm is told.
    ///   - environment: clocks, randomness, and where tasks run.
    ///   - deliver: called with the final adapter as soon as it is there, before the neighbours are served to their end.
    /// - Throws: `PeerSetupError` if the checkpoint is not this peer's.
    package init(
        configuration: PeerConfiguration, local: LocalPeer, swarm: SwarmSecret,
        wire: WireConfiguration = .attentive, endpoint: any DatagramEndpoint, trainer: any AdapterTrainer,
        store: (any PeerStore)? = nil, revocations: [Revocation] = [], environment: PeerEnvironment = .system,
        deliver: (@Sendable (AdapterDelta) async -> Void)? = nil
    ) throws {
        let time = environment.clock.now()
        driver = try PeerDriver(
            configuration: configuration, local: local, swarm: swarm, wire: wire, stored: store?.stored(),
            wallClock: environment.clock.wall(), at: time)
        for revocation in revocations { driver.revoke(revocation, at: time) }
        self.endpoint = endpoint
        self.trainer = trainer
        self.store = store
        self.environment = environment
        randomness = environment.randomness
        self.deliver = deliver
        (events, eventSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(65_536))
        // One wake-up stands for any number: who is woken does all that is due.
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The peer's adapter and round as they are now.
    package var state: (round: Int, delta: AdapterDelta) { (driver.core.round, driver.core.delta) }

    /// What went over the network so far.
    package var traffic: PeerTraffic { driver.core.traffic }

    /// Lets `tampering` change what leaves the peer, or nobody again: for simulated attackers.
    package func tamper(_ tampering: (any OutgoingTampering)?) { driver.tamper(tampering) }
}
