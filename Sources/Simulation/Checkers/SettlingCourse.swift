import Aggregation

/// Where one peer goes in settling that is accelerated: from what it mixed to what it publishes in the next round.
/// Reckons again what `exchange.settling: chebyshev` may make of it, and finds everything else.
struct SettlingCourse: Sendable {
    /// A round of the peer.
    private struct Step: Sendable {
        var round: Int
        var own: [Float]
        var mixed: [Float]?
    }

    private let settings: ChebyshevSettling
    /// Rounds with training.
    private let rounds: Int
    /// The last two rounds at most, which follow one another.
    private var steps: [Step] = []

    init(_ settings: ChebyshevSettling, rounds: Int) { (self.settings, self.rounds) = (settings, rounds) }

    /// The peer begins `round` with the adapter `own`; what is wrong with that, or nil.
    mutating func went(to own: [Float], in round: Int) -> String? {
        // The same once more, for somebody who needs it whole.
        if let last = steps.last, last.round == round, last.own == own { return nil }
        guard let last = steps.last, last.round == round - 1 else {
            // A process that begins anew, or the first round.
            steps = [Step(round: round, own: own)]
            return nil
        }
        let before = steps.count > 1 ? steps[0] : nil
        steps = [last, Step(round: round, own: own)]
        // Steps of training are nobody's to reckon.
        guard let mixed = last.mixed, last.round >= rounds, mixed.count == own.count else { return nil }
        // Who has lost sight of others now and then only mixes.
        if own == mixed { return nil }
        let factor = settings.factor(in: last.round - rounds)
        guard factor != 1, let before, before.own.count == own.count else {
            return "goes on in round \(round) with another adapter than it mixed"
        }
        for index in own.indices {
            let (old, average) = (Double(before.own[index]), Double(mixed[index]))
            let expected = old + factor * (average - old)
            let difference = abs(Double(own[index]) - expected)
            // NaN compares with nothing.
            if !(difference <= 1e-6 * max(abs(old), abs(average), abs(expected))) && !(difference == 0) {
                return "goes on in round \(round) with an adapter that is off by \(difference)"
            }
        }
        return nil
    }

    /// The peer has mixed the round with this outcome.
    mutating func mixed(_ values: [Float], in round: Int) {
        guard let last = steps.last, last.round == round else { return }
        steps[steps.count - 1].mixed = values
    }

    /// The peer has taken another adapter as its own.
    mutating func forget() { steps = [] }
}
