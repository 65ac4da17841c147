package import Basics
package import Federation

extension LoggedEvent {
    /// The line for an event of peer `peer`.
    ///
    /// - Parameters:
    ///   - time: seconds since 1970.
    ///   - name: the name of a peer by its identity.
    package init(_ kind: PeerEvent.Kind, time: Double, peer: String, name: (PeerID) -> String) {
        self.init(time: time, peer: peer, event: Self.word(kind))
        fill(kind, name: name)
    }

    private static func word(_ kind: PeerEvent.Kind) -> String {
        switch kind {
        case .started: "started"
        case .roundStarted: "round_started"
        case .trained: "trained"
        case .trainingFailed: "training_failed"
        case .contributionPublished: "contribution_published"
        case .contributionSent: "contribution_sent"
        case .contributionReceived: "contribution_received"
        case .contributionRefused: "contribution_refused"
        case .mixed: "mixed"
        case .caughtUp: "caught_up"
        case .connected: "connected"
        case .disconnected: "disconnected"
        case .barred: "neighbour_barred"
        case .checkpointed: "checkpointed"
        case .checkpointFailed: "checkpoint_failed"
        case .settling: "settling"
        case .settled: "settled"
        case .settlingLimitReached: "settling_limit_reached"
        case .finished: "finished"
        case .left: "left"
        case .traffic: "traffic"
        }
    }

    private mutating func fill(_ kind: PeerEvent.Kind, name: (PeerID) -> String) {
        switch kind {
        case .started(let round, let resumed):
            self.round = round
            if resumed { reason = "resumed from a checkpoint" }
        case .roundStarted(let round), .checkpointed(let round), .finished(let round):
            self.round = round
        case .trained(let round, let loss, let tokens, let records, let duration):
            (self.round, self.loss, self.tokens, self.records) = (round, loss, tokens, records)
            seconds = duration.inSeconds
        case .trainingFailed(let round, let reason), .checkpointFailed(let round, let reason):
            (self.round, self.reason) = (round, reason)
        case .contributionPublished(let round, let byteCount, let norm, let object):
            (self.round, bytes, self.norm, digest) = (round, byteCount, norm, object)
        case .contributionSent(let peer, let round, let byteCount):
            (self.round, bytes, neighbour) = (round, byteCount, name(peer))
        case .contributionReceived(let peer, let round, let byteCount, let object):
            (self.round, bytes, neighbour, digest) = (round, byteCount, name(peer), object)
        case .contributionRefused(let peer, let round, let byteCount, let reason):
            (self.round, bytes, neighbour, self.reason) = (round, byteCount, name(peer), reason)
        case .mixed(let round, let disagreement, let present, let absent, let duration):
            (self.round, self.disagreement, self.present, self.absent) =
                (round, disagreement, present.count, absent.count)
            seconds = duration.inSeconds
        case .caughtUp(let from, let to, let donors):
            (round, present) = (to, donors.count)
            reason = "was in round \(from)"
        case .connected(let peer):
            neighbour = name(peer)
        case .disconnected(let peer, let reason), .barred(let peer, let reason):
            (neighbour, self.reason) = (name(peer), reason)
        case .settling(let round, let disagreement, let bound):
            (self.round, self.disagreement, self.bound) = (round, disagreement, bound)
        case .settled(let round, let bound):
            (self.round, self.bound) = (round, bound)
        case .settlingLimitReached(let round, let disagreement):
            (self.round, self.disagreement) = (round, disagreement)
        case .left:
            break
        case .traffic(let traffic):
            bytesSent = Int(clamping: traffic.bytesSent)
            bytesReceived = Int(clamping: traffic.bytesReceived)
            datagramsSent = Int(clamping: traffic.datagramsSent)
            datagramsReceived = Int(clamping: traffic.datagramsReceived)
        }
    }
}
