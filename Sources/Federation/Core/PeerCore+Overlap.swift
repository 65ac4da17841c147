import Adapters
import Aggregation
import Basics

/// Local steps that are taken while the contributions of the round before are on their way (`exchange.overlap`).
///
/// Without overlap a round is x' = W (x + u(x)), where u is what the local steps add. With it the steps of the next round
/// begin from z, the own contribution, as soon as that is published; what mixing made of z is added to their result:
///
///     z' = z + u(z) + (W z - z)
///
/// So z' = W z + u(z): the mean over the swarm moves by the mean of all steps, as without overlap, and contributions agree
/// as fast. Only the steps begin at z in the place of W z. It is diffusion in its "consensus" form (Sayed, "Adaptation,
/// Learning, and Optimization over Networks", section 7.2); bounded staleness comes from the round's deadline.
struct StepsAhead: Sendable {
    /// The round that the steps belong to: the one after the round that is being gathered.
    let round: Int
    /// Where they began: the own contribution.
    let base: AdapterDelta
    /// What they led to; nil while the trainer is at work.
    var result: LocalSteps?
}

/// What came of a round's local steps.
struct LocalSteps: Sendable {
    /// The adapter after them, and the trainer's snapshot that belongs to it.
    var delta: AdapterDelta
    var snapshot: [UInt8]
    /// The mean gradient of the steps; nil where nobody tracks it.
    var gradient: AdapterDelta?
    /// What there is to tell of them.
    var news: PeerEvent.Kind
    /// When they ended.
    var end: MonotonicTime
}

extension PeerCore {
    /// Whether the trainer takes the next round's steps while this one's contributions are gathered.
    var isTrainingAhead: Bool { ahead.map { $0.result == nil } ?? false }

    /// From when on nothing but neighbours is waited for.
    func waitingSince(_ since: MonotonicTime) -> MonotonicTime { max(since, ahead?.result?.end ?? since) }

    /// Begins the next round's steps from what was just published, where the swarm overlaps and there is such a round.
    mutating func trainAhead(at time: MonotonicTime) {
        guard configuration.exchange.overlaps, trains(in: round + 1) else { return }
        ahead = StepsAhead(round: round + 1, base: delta)
        train(round + 1, at: time)
    }

    /// Begins the round whose steps were taken ahead: what they changed is added to what mixing made of their beginning.
    mutating func takeStepsAhead(at time: MonotonicTime) {
        guard let steps = ahead, let result = steps.result else { return }
        ahead = nil
        for index in delta.values.indices {
            delta[index] += result.delta.values[index] - steps.base.values[index]
        }
        snapshot = result.snapshot
        report(result.news, at: time)
        gather(at: time)
    }
}
