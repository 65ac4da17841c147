import Basics
import Federation

extension PeerEvent.Kind {
    /// The event as a trace has it: one word, and what there is to say, with the names of the peers.
    func traced(naming names: (PeerID) -> String) -> (kind: String, fields: [TraceLine.Field]) {
        func named(_ peers: [PeerID]) -> String { peers.map(names).joined(separator: ",") }
        func fields(_ pairs: (String, Any)...) -> [TraceLine.Field] { pairs.map { .init($0.0, "\($0.1)") } }
        switch self {
        case .started(let round, let resumed): return ("started", fields(("round", round), ("resumed", resumed)))
        case .roundStarted(let round): return ("round-started", fields(("round", round)))
        case .trained(let round, let loss, let tokens, let records, let duration):
            return (
                "trained",
                fields(
                    ("round", round), ("loss", loss), ("tokens", tokens), ("records", records),
                    ("seconds", duration.inSeconds))
            )
        case .trainingFailed(let round, let reason):
            return ("training-failed", fields(("round", round), ("reason", reason)))
        case .contributionPublished(let round, let byteCount, _, let norm, let object):
            return (
                "published", fields(("round", round), ("bytes", byteCount), ("norm", norm), ("object", object))
            )
        case .contributionSent(let peer, let round, let byteCount):
            return ("offered", fields(("to", names(peer)), ("round", round), ("bytes", byteCount)))
        case .contributionReceived(let peer, let round, let byteCount, let object):
            return (
                "received",
                fields(("from", names(peer)), ("round", round), ("bytes", byteCount), ("object", object))
            )
        case .contributionRefused(let peer, let round, let byteCount, let reason):
            return (
                "refused",
                fields(("from", names(peer)), ("round", round), ("bytes", byteCount), ("reason", reason))
            )
        case .mixed(let round, let disagreement, let present, let absent, let duration):
            return (
                "mixed",
                fields(
                    ("round", round), ("disagreement", disagreement), ("present", named(present)),
                    ("absent", named(absent)), ("seconds", duration.inSeconds))
            )
        default: return tracedOccurrence(names)
        }
    }

    /// The same for what is not about contributions.
    private func tracedOccurrence(_ names: (PeerID) -> String) -> (kind: String, fields: [TraceLine.Field]) {
        func fields(_ pairs: (String, Any)...) -> [TraceLine.Field] { pairs.map { .init($0.0, "\($0.1)") } }
        switch self {
        case .caughtUp(let from, let to, let donors):
            return (
                "caught-up",
                fields(("from", from), ("to", to), ("donors", donors.map(names).joined(separator: ",")))
            )
        case .connected(let peer): return ("connected", fields(("neighbour", names(peer))))
        case .disconnected(let peer, let reason):
            return ("disconnected", fields(("neighbour", names(peer)), ("reason", reason)))
        case .barred(let peer, let reason): return ("barred", fields(("neighbour", names(peer)), ("reason", reason)))
        case .checkpointed(let round): return ("checkpointed", fields(("round", round)))
        case .checkpointFailed(let round, let reason):
            return ("checkpoint-failed", fields(("round", round), ("reason", reason)))
        case .settling(let round, let disagreement, let bound):
            return ("settling", fields(("round", round), ("disagreement", disagreement), ("bound", bound)))
        case .settled(let round, let bound): return ("settled", fields(("round", round), ("bound", bound)))
        case .settlingLimitReached(let round, let disagreement):
            return ("gave-up", fields(("round", round), ("disagreement", disagreement)))
        case .finished(let round): return ("finished", fields(("round", round)))
        case .left: return ("left", [])
        case .traffic(let traffic):
            return (
                "traffic",
                fields(
                    ("sent", traffic.bytesSent), ("received", traffic.bytesReceived), ("lost", traffic.packetsLost),
                    ("dropped", traffic.dropped))
            )
        case .started, .roundStarted, .trained, .trainingFailed, .contributionPublished, .contributionSent,
            .contributionReceived, .contributionRefused, .mixed:
            preconditionFailure("these are told above")
        }
    }
}
