import Adapters
import Aggregation
import Overlay

extension PeerCore {
    /// Whether a neighbour's contribution is here that is too far ahead to be mixed.
    var isBehind: Bool {
        neighbours.contains { neighbour in
            neighbour.contributions.last.map { $0.round > round + configuration.staleness } ?? false
        }
    }

    /// Whether the neighbours that are ahead have all been heard, or are no longer waited for.
    func mayCatchUp(deadline: MonotonicTime, at time: MonotonicTime) -> Bool {
        if time >= deadline { return true }
        return !neighbours.contains { neighbour in
            neighbour.inFlight.values.contains { $0.round > round + configuration.staleness }
                || neighbour.retries.contains { $0.round > round + configuration.staleness }
        }
    }

    /// Takes the sample-weighted mean of the newest adapters of the neighbours that are ahead as the own, instead of
    /// mixing a stale one into theirs, and goes on where they are.
    mutating func catchUp(at time: MonotonicTime) {
        let newest = neighbours.compactMap { neighbour in neighbour.contributions.last.map { (neighbour, $0) } }
        let target = newest.map(\.1.round).max() ?? round
        let donors = newest.filter { $0.1.isFinal || $0.1.round >= target - configuration.staleness }
        let contributions = donors.map {
            (sampleCount: configuration.weighsUniformly ? 1 : $0.1.sampleCount, delta: $0.1.delta)
        }
        guard let mean = WeightedMean.of(contributions) else { return }
        report(.caughtUp(from: round, to: target, donors: donors.map(\.0.id)), at: time)
        delta = mean
        agreement = AgreementVector(depth: configuration.agreementDepth)
        lastDisagreement = .infinity
        directives.append(.checkpoint(checkpoint(nextRound: target + 1, isFinished: false)))
        let everyoneHasFinished = neighbours.allSatisfy { $0.isFinal || !$0.isConnected || $0.isSuspect }
        if donors.allSatisfy(\.1.isFinal) && everyoneHasFinished {
            round = target
            finish(at: time)
        } else {
            beginRound(target + 1, at: time)
        }
    }
}
