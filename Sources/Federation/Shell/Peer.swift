package import Adapters
import Foundation
import LinearAlgebra
import Overlay
package import Wire

/// A peer of a swarm, running: the shell that gives `PeerCore` a clock, a network, a trainer and a disk.
///
/// Everything that decides is in the core. The shell hands it what happens and does what it asks for; training and
/// writing go on beside it, so that datagrams are answered meanwhile.
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

    var core: PeerCore
    let endpoint: any DatagramEndpoint
    let trainer: any AdapterTrainer
    let store: CheckpointStore?
    let eventSink: AsyncStream<PeerEvent>.Continuation
    let deliver: (@Sendable (AdapterDelta) async -> Void)?
    /// Where the protocol's randomness comes from: timing and padding, and the handshakes' ephemeral keys.
    var generator = SystemRandomNumberGenerator()
    let restored: [UInt8]
    /// What was wrong with the files in the store.
    let storeProblems: [String]
    var final: AdapterDelta?
    var stopReason: PeerDirective.StopReason?
    /// A checkpoint that waits until the one before it is written.
    var waitingCheckpoint: PeerCheckpoint?
    /// What the protocol must not forget, to be written.
    var waitingMemory: EndpointMemory?
    var isWriting = false
    /// The writing and the delivery that are under way.
    var writer: Task<Void, Never>?
    var delivery: Task<Void, Never>?
    /// Wakes the loop that sleeps until the next deadline.
    let wake: AsyncStream<Void>.Continuation
    let wakes: AsyncStream<Void>
    var isRunning = false

    /// A peer that goes on from what `store` holds, or begins anew.
    ///
    /// - Parameters:
    ///   - endpoint: bound to the peer's address.
    ///   - revocations: of peers whose keys are no longer to be trusted: the swarm is told.
    ///   - deliver: called with the final adapter as soon as it is there, before the neighbours are served to their end.
    /// - Throws: `PeerSetupError` if the checkpoint is not this peer's.
    package init(
        configuration: PeerConfiguration, local: LocalPeer, swarm: SwarmSecret,
        wire: WireConfiguration = .attentive, endpoint: any DatagramEndpoint, trainer: any AdapterTrainer,
        store: CheckpointStore? = nil, revocations: [Revocation] = [],
        deliver: (@Sendable (AdapterDelta) async -> Void)? = nil
    ) throws {
        let (checkpoint, checkpointProblems) = store?.load() ?? (nil, [])
        let (memory, memoryProblems) = store?.loadMemory() ?? (nil, [])
        storeProblems = checkpointProblems + memoryProblems
        // The wall clock orders handshakes across restarts; where it was set back, the checkpoint's moment counts.
        let wallClock = UInt64(max(0, Date().timeIntervalSince1970) * 1e9)
        core = try PeerCore(
            configuration: configuration, local: local, swarm: swarm, wire: wire, checkpoint: checkpoint,
            handshakeTimestamp: checkpoint?.nextTimestamp(wallClock: wallClock) ?? wallClock,
            memory: memory ?? EndpointMemory(), at: SystemClock.now())
        for revocation in revocations { core.revoke(revocation, at: SystemClock.now()) }
        self.endpoint = endpoint
        self.trainer = trainer
        self.store = store
        self.deliver = deliver
        restored = checkpoint?.trainerSnapshot ?? []
        (events, eventSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(65_536))
        (wakes, wake) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(1))
    }

    /// The peer's adapter and round as they are now.
    package var state: (round: Int, delta: AdapterDelta) { (core.round, core.delta) }
}
