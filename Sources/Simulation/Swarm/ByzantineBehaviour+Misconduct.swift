import Faults
import Federation

extension ByzantineBehaviour {
    /// What the peer's core does with it; nil where the trainer's result is what is wrong.
    var misconduct: Misconduct? {
        switch self {
        case .signFlip, .scale: nil
        case .notANumber: .fill(with: .nan)
        case .infinite: .fill(with: .infinity)
        case .equivocate: .equivocate
        case .replay: .replay
        case .malformedManifest: .malformedManifest
        case .malformedLeaf: .malformedLeaf
        case .forge: .forge
        }
    }

    /// Whether honest peers cannot tell and mix it: what their adapters become is then nobody's promise. The others they
    /// refuse, and agree with each other as if the peer were away.
    var misleads: Bool {
        switch self {
        case .signFlip, .scale, .equivocate: true
        case .notANumber, .infinite, .replay, .malformedManifest, .malformedLeaf, .forge: false
        }
    }
}
