/// Why tuning or measuring cannot go on.
package enum TuningError: Error, Equatable, CustomStringConvertible {
    /// A setting makes no sense.
    case badSettings(String)
    /// No record of a peer can be used.
    case noRecords(peer: String, given: Int, cutoff: Int)
    /// A delta belongs to another adapter.
    case foreignDelta
    /// A loss or a gradient is not a finite number.
    case notFinite(peer: String, step: Int, learningRate: Double)
    /// A snapshot is damaged or of another trainer.
    case badSnapshot(String)
    /// The tokenizer makes tokens that the model does not know.
    case foreignTokenizer(token: Int32, vocabularySize: Int)

    package var description: String {
        switch self {
        case .badSettings(let reason): reason
        case .noRecords(let peer, let given, let cutoff):
            "\(peer): none of the \(given) records has a response below the cutoff of \(cutoff) tokens; raise the cutoff or give shorter records"
        case .foreignDelta:
            "the delta belongs to another adapter: model, rank and target modules must be those of the swarm"
        case .notFinite(let peer, let step, let rate):
            "\(peer): the loss of step \(step) is not a finite number at learning rate \(rate); lower the learning rate"
        case .badSnapshot(let reason): "the trainer's saved state cannot be used: \(reason)"
        case .foreignTokenizer(let token, let size):
            "the tokenizer makes token \(token), the model knows \(size) tokens; they do not belong together"
        }
    }
}
