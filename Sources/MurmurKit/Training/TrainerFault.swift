/// Why a trainer's process did not do what it was asked for.
package enum TrainerFault: Error, Equatable, CustomStringConvertible {
    /// It could not be started.
    case notStarted(String)
    /// It ended, in these words: `ended with exit code 1`.
    case ended(String)
    /// It has said nothing for so many seconds.
    case silent(seconds: Double)
    /// It has not answered within so many seconds.
    case late(seconds: Double)
    /// It said what the protocol does not allow.
    case violation(String)
    /// It returned an adapter, a loss or a count that cannot be.
    case badResult(String)
    /// It said that it could not do it.
    case refused(String)
    /// The swarm asks for what it does not say that it can do.
    case cannot(TrainerSkill)
    /// It was stopped, for the peer leaves.
    case stopped

    /// Whether another process may do better: what was not the trainer's answer but its death or its silence.
    package var isWorthAnother: Bool {
        switch self {
        case .ended, .silent: true
        case .notStarted, .late, .violation, .badResult, .refused, .cannot, .stopped: false
        }
    }

    /// Whether the process can go on: it answered in order, and said no.
    var leavesTrainer: Bool {
        if case .refused = self { true } else { false }
    }

    package var description: String {
        switch self {
        case .notStarted(let reason): "cannot be started: \(reason)"
        case .ended(let how): how
        case .silent(let seconds):
            "has said nothing for \(Self.text(seconds)) s; a trainer that needs longer says {\"type\":\"alive\"}, or raise "
                + "silence-limit"
        case .late(let seconds):
            "has not answered within \(Self.text(seconds)) s; raise round-limit or start-limit, or give it fewer local "
                + "steps"
        case .violation(let reason): "does not keep to the protocol of docs/trainers.md: \(reason)"
        case .badResult(let reason): "returned what cannot be used: \(reason)"
        case .refused(let reason): "says: \(reason)"
        case .cannot(let skill):
            "does not say that it can do what \(skill.key) asks for (docs/trainers.md, \"hello\"): leave the key out, or "
                + "take another trainer"
        case .stopped: "was stopped"
        }
    }

    private static func text(_ seconds: Double) -> String {
        seconds == seconds.rounded() ? "\(Int(seconds))" : "\(seconds)"
    }
}
