import Adapters
import Basics

/// What neighbours have of this peer: the values that they read in its last contribution, and who has them.
struct SharedCopy: Sendable {
    var delta: AdapterDelta
    /// By which both sides see that they have the same.
    var mark: UInt64
    /// To whom it was offered since the association with them began.
    var holders: Set<PeerID> = []
    /// Whether everybody can read it who has nothing: it is whole, or a difference to nothing.
    var isSelfContained = true
}

/// What this peer has of a neighbour.
struct HeldCopy: Sendable {
    var sequence: UInt64
    var delta: AdapterDelta
    /// Nil until it is asked for.
    var mark: UInt64?
}

/// How finely differences are rounded.
///
/// While peers are far apart the step is half the root mean square of what has changed: about three bits a value, and an
/// error of a seventh of the change, which the next difference makes good. In settling, once the neighbours are within ten
/// times what the agreement asks for, the error is held below what its proof allows, and stays there until settling ends.
///
/// A difference has one step for all values. In a residual CD the weak directions have a small C beside a D of full
/// length: a step that suits D is coarse for C, whose error turns D in the next merge, and that is another change. Where
/// settling comes to a halt in that way, the step is a sixteenth instead of a half from then on (docs/mathematics.md,
/// "Factors").
///
/// Where a difference holds a share of the values only, it is those that changed most, and the step is half of their root
/// mean square. What was left out stays in the distance to the copy, and is larger in the next difference.
struct DifferencePrecision: Sendable {
    /// What the last mixing round measured.
    private var disagreement = Double.infinity
    private(set) var isFine = false
    /// The disagreement in a settling round, and how many rounds have passed since in which it did not fall by a tenth.
    private var mark = Double.infinity
    private var roundsSinceMark = 0

    /// After so many the step is finer. Averages are nearer by a tenth after eight rounds where the graph's second
    /// eigenvalue is less than 0.987; that of a ring of 24 is 0.977.
    private static let patience = 8

    /// Takes note of what a mixing round measured.
    ///
    /// - Parameter isHalting: whether the error of copies may come back as a change, so that settling may halt.
    mutating func measured(_ disagreement: Double, whileSettling isSettling: Bool, isHalting: Bool) {
        self.disagreement = disagreement
        guard isSettling, isHalting, roundsSinceMark < Self.patience else { return }
        roundsSinceMark += 1
        guard disagreement < 0.9 * mark else { return }
        (mark, roundsSinceMark) = (disagreement, 0)
    }

    /// Forgets what it knew: the adapter is another.
    mutating func restart() { self = DifferencePrecision() }

    /// `delta` as a difference to `copy`; nil where it is to be sent whole.
    ///
    /// - Parameter share: of the values, what a difference holds in rounds with training.
    mutating func coded(
        _ delta: AdapterDelta, after copy: SharedCopy, whileSettling isSettling: Bool, limits: SettlingLimits,
        share: Double = 1
    ) -> (payload: [UInt8], read: AdapterDelta, mark: UInt64)? {
        if isSettling, disagreement <= 10 * limits.edgeBound { isFine = true }
        if !isSettling, share < 1 {
            let largest = LargestChanges.of(delta, after: copy.delta, share: share)
            return DifferenceCoding.encoded(
                largest.delta, after: copy.delta, mark: copy.mark, step: 0.5 * largest.rootMeanSquare)
        }
        let change = delta.distance(to: copy.delta)
        // Below the bound by more than the norms of those that agree may differ.
        let allowed = isSettling && isFine ? limits.errorBound / (1 + limits.consensusBound) * delta.norm : 0
        guard change > allowed else {
            return DifferenceCoding.encoded(delta, after: copy.delta, mark: copy.mark, step: 0)
        }
        let scale = 1 / Double(delta.values.count).squareRoot()
        var step = (roundsSinceMark < Self.patience ? 0.5 : 0.0625) * change * scale
        guard allowed > 0 else {
            return step.isFinite && Float(step) > 0
                ? DifferenceCoding.encoded(delta, after: copy.delta, mark: copy.mark, step: Float(step)) : nil
        }
        // Rounding to multiples of a step is off by step / √12 in the root mean square.
        step = min(step, 0.95 * 12.squareRoot() * allowed * scale)
        for _ in 0..<8 where Float(step) > 0 {
            guard
                let coded = DifferenceCoding.encoded(delta, after: copy.delta, mark: copy.mark, step: Float(step))
            else { return nil }
            if coded.read.distance(to: delta) <= allowed { return coded }
            step /= 2
        }
        return nil
    }
}
