import Observability

/// Events as a person reads them on the screen of `murmur peer`.
enum EventSentence {
    /// A sentence for `event`, or nil for one that only programs need.
    static func of(_ event: LoggedEvent, rounds: Int) -> String? {
        let round = event.round.map { $0 < rounds ? "round \($0 + 1)/\(rounds)" : "settling \($0 - rounds + 1)" } ?? ""
        let neighbour = event.neighbour ?? "a neighbour"
        switch event.event {
        case "started": return "\(event.peer) begins with \(round)" + (event.reason.map { ", \($0)" } ?? "")
        case "trained":
            return "\(round): loss \(Readable.number(event.loss)), \(Readable.number(event.seconds, digits: 1)) s"
        case "training_failed": return "\(round): training failed: \(event.reason ?? "")"
        case "mixed":
            let absent = event.absent ?? 0
            return "\(round): mixed with \(event.present ?? 0) neighbours"
                + (absent > 0 ? " (\(absent) absent)" : "")
                + ", largest distance \(Readable.scientific(event.disagreement))"
        case "contribution_refused": return "\(round): \(neighbour)'s contribution is refused: \(event.reason ?? "")"
        case "caught_up": return "caught up to \(round) (\(event.reason ?? "")) with \(event.present ?? 0) neighbours"
        case "connected": return "\(neighbour) is connected"
        case "disconnected": return "\(neighbour) is gone: \(event.reason ?? "")"
        case "neighbour_barred": return "nothing of \(neighbour) is taken any more: \(event.reason ?? "")"
        case "checkpoint_failed": return "the checkpoint could not be written: \(event.reason ?? "")"
        case "settling":
            return "settling: largest distance \(Readable.scientific(event.disagreement)), "
                + "bound \(Readable.scientific(event.bound))"
        case "settling_limit_reached": return "the swarm did not agree in time; the adapter is kept as it is"
        case "finished": return "finished; serving neighbours that are not"
        case "left": return "goodbye"
        default: return nil
        }
    }
}
