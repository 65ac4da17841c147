package import Adapters
import Aggregation
package import Basics
package import Wire

extension PeerCore {
    /// Begins: sessions with all neighbours, and the first round.
    package mutating func start(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        precondition(phase == .ready, "a peer starts once")
        startedAt = time
        lastTold = time
        for neighbour in neighbours { wire.connect(to: neighbour.id, at: time, using: &generator) }
        report(.started(round: round, resumed: beginning != .anew), at: time)
        if beginning == .afterFinish {
            enterFinished(at: time)
        } else {
            beginRound(round, at: time)
        }
        proceed(at: time, using: &generator)
    }

    /// Takes a datagram from the network.
    package mutating func receive(
        _ datagram: Datagram, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        wire.receive(datagram, at: time, using: &generator)
        proceed(at: time, using: &generator)
    }

    /// Does what is due at `time`.
    package mutating func handleTimeout(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        if let due = wire.nextDeadline, due <= time { wire.handleTimeout(at: time, using: &generator) }
        // Without a known quiet, whatever may be due is looked at.
        if time >= quietUntil ?? .zero {
            repeatRequests(at: time)
            reportWaiting(at: time)
        }
        tellHeartbeat(at: time)
        proceed(at: time, using: &generator)
    }

    /// When `handleTimeout` is to be called next; nil if nothing is due.
    package var nextDeadline: MonotonicTime? {
        let own = isStopped ? .distantFuture : quietUntil ?? now
        let earliest = min(wire.nextDeadline ?? .distantFuture, own)
        return earliest == .distantFuture ? nil : earliest
    }

    /// The local steps that `train` asked for are done; `snapshot` is the trainer's after them.
    package mutating func trainingFinished(
        _ outcome: TrainingOutcome, snapshot: [UInt8], duration: Duration, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        // The peer may have left while the trainer was at work.
        guard phase == .training || isTrainingAhead else { return }
        lastTrainingDuration = duration
        fastestTraining = min(fastestTraining ?? duration, duration)
        takeProbed(outcome.probed, at: time)
        let round = ahead?.round ?? round
        if outcome.delta.schema != configuration.schema || !outcome.delta.isFinite {
            trained(unchanged(round, reason: "the adapter has values that are not finite", at: time), at: time)
        } else if let problem = gradientProblem(of: outcome) {
            trained(unchanged(round, reason: problem, at: time), at: time)
        } else {
            var steps = LocalSteps(
                delta: pipeline.factors.keepingFrozen(outcome.delta, of: ahead?.base ?? delta, in: round),
                snapshot: snapshot,
                news: .trained(
                    round: round, loss: outcome.loss, tokens: outcome.tokens, records: outcome.records,
                    duration: duration), end: time)
            if configuration.exchange.tracksGradients { steps.gradient = outcome.gradient }
            trained(steps, at: time)
        }
        proceed(at: time, using: &generator)
    }

    /// What is wrong with the mean gradient that the swarm tracks; nil where nothing is.
    private func gradientProblem(of outcome: TrainingOutcome) -> String? {
        guard configuration.exchange.tracksGradients else { return nil }
        guard let gradient = outcome.gradient, gradient.schema == configuration.schema else {
            return "the trainer does not tell the mean gradient of its steps, which exchange.tracking needs"
        }
        return gradient.isFinite ? nil : "the mean gradient has values that are not finite"
    }

    /// The trainer could not do what `train` asked for: the round goes on with the adapter as it was.
    package mutating func trainingFailed(
        _ reason: String, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        guard phase == .training || isTrainingAhead else { return }
        takeProbed(nil, at: time)
        trained(unchanged(ahead?.round ?? round, reason: reason, at: time), at: time)
        proceed(at: time, using: &generator)
    }

    /// Local steps that came to nothing.
    private func unchanged(_ round: Int, reason: String, at time: MonotonicTime) -> LocalSteps {
        LocalSteps(
            delta: ahead?.base ?? delta, snapshot: snapshot, news: .trainingFailed(round: round, reason: reason),
            end: time)
    }

    /// The local steps that the trainer was asked for are over: those of this round, or those that wait for its mixing.
    private mutating func trained(_ steps: LocalSteps, at time: MonotonicTime) {
        guard ahead == nil else {
            ahead?.result = steps
            return
        }
        delta = pipeline.stepped(from: delta, to: steps.delta)
        if let gradient = steps.gradient { pipeline.learned(gradient, in: mixingRound()) }
        snapshot = steps.snapshot
        report(steps.news, at: time)
        gather(at: time)
    }

    /// The checkpoint that begins with `round` is durable.
    package mutating func checkpointWritten(round: Int, at time: MonotonicTime) {
        report(.checkpointed(round: round), at: time)
        kept(round: round, at: time)
    }

    /// The checkpoint could not be written.
    package mutating func checkpointFailed(round: Int, reason: String, at time: MonotonicTime) {
        report(.checkpointFailed(round: round, reason: reason), at: time)
        kept(round: round, at: time)
    }

    /// Takes a revocation that the peer's owner was given; the neighbours are told.
    ///
    /// - Returns: false if it is of another swarm or of no neighbour.
    @discardableResult
    package mutating func revoke(_ revocation: Revocation, at time: MonotonicTime) -> Bool {
        wire.revoke(revocation, at: time)
    }

    /// Says goodbye and stops: the last checkpoint is where the peer goes on later.
    package mutating func leave(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        guard !isStopped else { return }
        stop(.left, at: time, using: &generator)
    }

    /// Takes the protocol's events and moves on as far as it goes.
    mutating func proceed(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        now = max(now, time)
        greet(at: time, using: &generator)
        while !isStopped {
            // Events come before steps: what has arrived by now belongs to the round that a step would end.
            if let event = wire.pollEvent() {
                handle(event, at: time)
            } else if isQuiet || !step(at: time, using: &generator) {
                // A step that began a round may have taken neighbours in.
                greet(at: time, using: &generator)
                tellGains(at: time)
                if !isQuiet { quietUntil = nextChange }
                if wire.takeMemoryChange() { directives.append(.remember(wire.memory)) }
                return
            }
        }
    }

    /// Whether nothing is due here, as far as is known.
    private var isQuiet: Bool { quietUntil.map { now < $0 } ?? false }

    /// The first moment after `now` at which something is due here, apart from the protocol.
    private var nextChange: MonotonicTime {
        var earliest = min(phaseDeadline ?? .distantFuture, heartbeatDeadline ?? .distantFuture)
        earliest = min(earliest, waitingReportDue ?? .distantFuture)
        earliest = min(earliest, gainDeadline ?? .distantFuture)
        for index in neighbours.indices {
            for retry in neighbours[index].retries { earliest = min(earliest, retry.time) }
            earliest = min(earliest, partsDeadline(of: index) ?? .distantFuture)
        }
        return earliest
    }
}
