import Aggregation
import Basics
import Wire

extension PeerCore {
    /// The adapter is final: keep it, then say so, and go on serving. In this order: neighbours that have been told leave,
    /// and who had to begin again at an earlier checkpoint then would find nobody to agree with.
    mutating func finish(at time: MonotonicTime) {
        // The final contribution is that of the round after the one in which the peer found the agreement
        // (docs/protocol.md, "Rounds").
        round += 1
        directives.append(.checkpoint(checkpoint(nextRound: round, isFinished: true)))
        if keepsState { phase = .keeping } else { enterFinished(at: time) }
    }

    /// The final adapter's checkpoint is durable, or cannot be made so: there is nothing to wait for.
    mutating func kept(round: Int, at time: MonotonicTime) {
        guard phase == .keeping, round == self.round else { return }
        now = max(now, time)
        enterFinished(at: time)
    }

    mutating func enterFinished(at time: MonotonicTime) {
        phase = .finished(since: time)
        publish(isFinal: true, at: time)
        for index in neighbours.indices { neighbours[index].contributions = [] }
        report(.finished(round: round), at: time)
        directives.append(.deliver(delta))
    }

    /// Whether no neighbour needs this peer any more: those that are there have finished, or have had the final adapter for
    /// a while; those that are away have had their time to come back, and those that said goodbye do not come back.
    func mayLeave(since: MonotonicTime, at time: MonotonicTime) -> Bool {
        if time >= since + configuration.lingerLimit { return true }
        let timeIsUp = time >= since + configuration.lingerTimeout
        for index in neighbours.indices where !neighbours[index].hasLeft && !neighbours[index].isBarred {
            if timeIsUp {
                // Who has published the same to the last bit does not fetch it.
                let hasSame = twin.map { $0.root == neighbours[index].latestRoot } ?? false
                let isServed = neighbours[index].hasFinalAdapter || hasSame || isGivenUp(index)
                if neighbours[index].isConnected, !neighbours[index].isFinal, !isServed { return false }
            } else {
                // Leaving would cut off what was pushed and is not acknowledged yet.
                guard neighbours[index].isFinal, !wire.hasPushUnderWay(to: neighbours[index].id) else { return false }
            }
        }
        return true
    }

    /// Takes leave of the neighbours.
    mutating func stop(
        _ reason: PeerDirective.StopReason, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        ahead = nil
        phase = .stopped(hasFinished: isFinished)
        wire.close(at: time, using: &generator)
        // Closing has told of each transfer how much was acknowledged; `left` is the last event.
        closeLedger(at: time)
        reportSuppressed(at: time)
        report(.traffic(traffic), at: time)
        report(.left, at: time)
        directives.append(.stop(reason))
    }

    /// What the peer would go on from.
    func checkpoint(nextRound: Int, isFinished: Bool) -> PeerCheckpoint {
        PeerCheckpoint(
            identity: local.id, swarm: swarm.identifier, baseModelDigest: configuration.baseModelDigest,
            round: nextRound, isFinished: isFinished, handshakeTimestamp: handshakeTimestamp, delta: delta,
            trainerSnapshot: snapshot, exchangeState: pipeline.state,
            progress: neighbours.filter { $0.latestRound >= 0 }.map {
                PeerCheckpoint.Progress(peer: $0.id, round: $0.latestRound)
            }, settings: configuration.stateSettings)
    }
}
