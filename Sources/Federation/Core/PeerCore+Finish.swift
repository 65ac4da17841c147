import Adapters
import Overlay
import Wire

extension PeerCore {
    /// The adapter is final: keep it, say so, and go on serving.
    mutating func finish(at time: MonotonicTime) {
        round += 1
        directives.append(.checkpoint(checkpoint(nextRound: round, isFinished: true)))
        enterFinished(at: time)
    }

    mutating func enterFinished(at time: MonotonicTime) {
        phase = .finished(since: time)
        publish(isFinal: true, at: time)
        for index in neighbours.indices { neighbours[index].contributions = [] }
        report(.finished(round: round), at: time)
        directives.append(.deliver(delta))
    }

    /// Whether no neighbour needs this peer any more: those that are there have finished, those that are away have had
    /// their time to come back, and those that said goodbye do not come back.
    func mayLeave(since: MonotonicTime, at time: MonotonicTime) -> Bool {
        if time >= since + configuration.lingerLimit { return true }
        let timeIsUp = time >= since + configuration.lingerTimeout
        return neighbours.allSatisfy { neighbour in
            neighbour.isFinal || neighbour.hasLeft || neighbour.isBarred || (!neighbour.isConnected && timeIsUp)
        }
    }

    /// What the peer would go on from.
    func checkpoint(nextRound: Int, isFinished: Bool) -> PeerCheckpoint {
        PeerCheckpoint(
            identity: local.id, swarm: swarm.identifier, baseModelDigest: configuration.baseModelDigest,
            round: nextRound, isFinished: isFinished, handshakeTimestamp: handshakeTimestamp, delta: delta,
            trainerSnapshot: snapshot,
            progress: neighbours.filter { $0.latestRound >= 0 }.map {
                PeerCheckpoint.Progress(peer: $0.id, round: $0.latestRound)
            })
    }
}
