package import Adapters
package import Basics
package import Wire

/// The part of a peer's process that decides in which order things are done: what `PeerCore` is told, and what is made of
/// its directives.
///
/// A value without clock, socket, disk or task. `actor Peer` performs its effects with real ones, the simulator with
/// virtual ones: both do the same things in the same order, because the order is made here. After every call the owner
/// performs what `nextEffect` gives until it gives nothing.
///
/// Beyond the core it keeps files in turn (one is written at a time, and what is newer replaces what still waits), takes
/// the time of local steps, holds the adapter's delivery back until everything else has been told, and asks to be woken
/// only where that is earlier than it was going to be.
package struct PeerDriver: Sendable {
    /// What decides.
    package private(set) var core: PeerCore
    /// The trainer's state to go on from; empty where the peer begins anew.
    package let restored: [UInt8]
    /// What was wrong with the files of the last process.
    private let problems: [String]
    /// Whether there is a disk to write to.
    private let keepsState: Bool
    /// When the owner was asked to wake it.
    private var armed: MonotonicTime?
    /// When the local steps that are under way began.
    private var trainingSince: MonotonicTime?
    private var waitingCheckpoint: PeerCheckpoint?
    private var waitingMemory: EndpointMemory?
    /// Which round's checkpoint is being written; nil for what is remembered.
    private var writingRound: Int?
    /// Whether a file is being written.
    package private(set) var isWriting = false
    private var undelivered: AdapterDelta?
    /// Why it stopped; nil while it runs.
    package private(set) var stopReason: PeerDirective.StopReason?
    private var hasToldStop = false

    /// A peer that goes on from what was kept, or begins anew.
    ///
    /// - Parameters:
    ///   - stored: what the last process left; nil where nothing is kept.
    ///   - wallClock: nanoseconds since 1970. It orders handshakes across restarts; where it was set back, the
    ///     checkpoint's moment counts.
    /// - Throws: `PeerSetupError` if the checkpoint is not this peer's.
    package init(
        configuration: PeerConfiguration, local: LocalPeer, swarm: SwarmSecret,
        wire: WireConfiguration = .attentive, stored: StoredState?, wallClock: UInt64, at time: MonotonicTime
    ) throws(PeerSetupError) {
        let checkpoint = stored?.checkpoint
        core = try PeerCore(
            configuration: configuration, local: local, swarm: swarm, wire: wire, checkpoint: checkpoint,
            handshakeTimestamp: checkpoint?.nextTimestamp(wallClock: wallClock) ?? wallClock,
            memory: stored?.memory ?? EndpointMemory(), at: time)
        restored = checkpoint?.trainerSnapshot ?? []
        problems = stored?.problems ?? []
        keepsState = stored != nil
        core.keepsState = keepsState
    }

    /// Whether the process may end: the peer has stopped, and everything is on the disk.
    package var isDone: Bool {
        stopReason != nil && !isWriting && waitingCheckpoint == nil && waitingMemory == nil
    }
}

extension PeerDriver {
    /// Begins.
    package mutating func start(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        for problem in problems { core.report(.stateDamaged(reason: problem), at: time) }
        core.start(at: time, using: &generator)
    }

    /// Takes a datagram from the network; who has stopped does not.
    package mutating func receive(
        _ datagram: Datagram, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        guard stopReason == nil else { return }
        core.receive(datagram, at: time, using: &generator)
    }

    /// The moment has come that it asked for; a moment too early does no harm.
    package mutating func wake(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        guard stopReason == nil else { return }
        armed = nil
        if let due = core.nextDeadline, due <= time { core.handleTimeout(at: time, using: &generator) }
    }

    /// The local steps are done; `snapshot` is the trainer's after them.
    package mutating func trainingFinished(
        _ outcome: TrainingOutcome, snapshot: [UInt8], at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        let duration = trainingSince.map { time - $0 } ?? .zero
        core.trainingFinished(outcome, snapshot: snapshot, duration: duration, at: time, using: &generator)
    }

    /// The trainer could not do what it was asked for.
    package mutating func trainingFailed(
        _ reason: String, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        core.trainingFailed(reason, at: time, using: &generator)
    }

    /// What was being written is durable, or is not because of `failure`.
    package mutating func written(failure: String?, at time: MonotonicTime) {
        isWriting = false
        // Of what is remembered nothing depends on it at once: an old initiation would get one more answer, without effect.
        guard let round = writingRound else { return }
        writingRound = nil
        if let failure {
            core.checkpointFailed(round: round, reason: failure, at: time)
        } else {
            core.checkpointWritten(round: round, at: time)
        }
    }

    /// The system would not send to an address.
    package mutating func sendRefused(_ refusal: SendRefusal, at time: MonotonicTime) {
        guard stopReason == nil else { return }
        core.report(.sendRefused(address: "\(refusal.address)", reason: refusal.reason), at: time)
    }

    /// The name of a neighbour's host leads to `address`.
    package mutating func relocate(
        _ peer: PeerID, to address: NetworkAddress, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        guard stopReason == nil else { return }
        core.relocate(peer, to: address, at: time, using: &generator)
    }

    /// The name of a neighbour's host leads nowhere.
    package mutating func hostUnknown(
        _ name: PeerConfiguration.HostName, reason: String, at time: MonotonicTime
    ) {
        guard stopReason == nil else { return }
        core.report(.hostUnknown(name.peer, name: "\(name.place)", reason: reason), at: time)
    }

    /// Takes a revocation that the peer's owner was given.
    package mutating func revoke(_ revocation: Revocation, at time: MonotonicTime) {
        core.revoke(revocation, at: time)
    }

    /// Says goodbye and stops.
    package mutating func leave(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        core.leave(at: time, using: &generator)
    }

    /// Shows what is averaged from now on: for simulations with checkers.
    package mutating func beginAudit() { core.isAudited = true }

    /// Lets `tampering` change what leaves the peer, or nobody again: for simulated attackers.
    package mutating func tamper(_ tampering: (any OutgoingTampering)?) { core.tampering = tampering }

    /// The next thing to do; nil if there is none now.
    ///
    /// Datagrams come first, so that nobody waits for what goes on inside; then what the core wants, in its order; then
    /// the delivery, the files, the stop and at last the alarm.
    package mutating func nextEffect(
        at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) -> PeerEffect? {
        if let burst = core.pollBurst(at: time, using: &generator) { return .send(burst) }
        while let directive = core.pollDirective() {
            if let effect = effect(of: directive, at: time) { return effect }
        }
        if let delta = undelivered {
            undelivered = nil
            return .deliver(delta)
        }
        if let effect = nextFile() { return effect }
        if let reason = stopReason {
            guard !hasToldStop else { return nil }
            hasToldStop = true
            return .stop(reason)
        }
        // An alarm that rings too early does no harm, and costs less than one that is set anew after every datagram.
        guard let deadline = core.nextDeadline, deadline < armed ?? .distantFuture else { return nil }
        armed = deadline
        return .wake(at: deadline)
    }

    /// What a directive leads to at once; nil where it is only kept in mind.
    private mutating func effect(of directive: PeerDirective, at time: MonotonicTime) -> PeerEffect? {
        switch directive {
        case .train(let request):
            trainingSince = time
            return .train(request)
        case .report(let event): return .report(event)
        case .audit(let audit): return .audit(audit)
        case .checkpoint(let checkpoint): if keepsState { waitingCheckpoint = checkpoint }
        case .remember(let memory): if keepsState { waitingMemory = memory }
        case .deliver(let delta): undelivered = delta
        case .stop(let reason): stopReason = reason
        }
        return nil
    }

    /// The next file to write, unless one is being written.
    private mutating func nextFile() -> PeerEffect? {
        guard !isWriting else { return nil }
        if let memory = waitingMemory {
            waitingMemory = nil
            isWriting = true
            return .remember(memory)
        }
        guard let checkpoint = waitingCheckpoint else { return nil }
        waitingCheckpoint = nil
        isWriting = true
        writingRound = checkpoint.round
        return .write(checkpoint)
    }
}

/// What `PeerDriver` wants done by the process around it, in the order in which it is to be done.
package enum PeerEffect: Sendable {
    /// Hand this to the network: one datagram, or several for one address.
    case send(Datagram)
    /// Tell whoever listens.
    case report(PeerEvent)
    /// Show this to a checker; only where the driver is audited.
    case audit(PeerAudit)
    /// Train, then call `trainingFinished` or `trainingFailed`. One at a time.
    case train(TrainingRequest)
    /// Make the checkpoint durable, then call `written`. One file at a time.
    case write(PeerCheckpoint)
    /// Keep this where the next process of the peer finds it, then call `written`. One file at a time.
    case remember(EndpointMemory)
    /// This is the swarm's adapter.
    case deliver(AdapterDelta)
    /// Nothing follows but the end of what is being written.
    case stop(PeerDirective.StopReason)
    /// Call `wake` at this moment, and no longer at the one that was asked for before.
    case wake(at: MonotonicTime)
}
