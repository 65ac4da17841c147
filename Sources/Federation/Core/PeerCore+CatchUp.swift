import Aggregation
import Basics

extension PeerCore {
    /// Whether a neighbour's contribution is here that is too far ahead to be mixed.
    var isBehind: Bool {
        for index in neighbours.indices {
            let contributions = neighbours[index].contributions.count
            if contributions > 0,
                neighbours[index].contributions[contributions - 1].round > round + configuration.staleness
            {
                return true
            }
        }
        return false
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
    /// mixing a stale one into theirs, and joins their round with it: that is what they have contributed, so the local
    /// steps of the round are done. Not the round after it: peers that are behind would lead, those that were ahead would
    /// be behind then, and a swarm could overtake itself for ever.
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
        if isAudited {
            let parts = donors.map { PeerAudit.Part(origin: $0.0.id, sequence: $0.1.sequence) }
            directives.append(.audit(.adopted(of: parts, delta: mean)))
        }
        agreement = AgreementVector(depth: configuration.agreementDepth)
        lastDisagreement = .infinity
        directives.append(.checkpoint(checkpoint(nextRound: target, isFinished: false)))
        let everyoneHasFinished = neighbours.allSatisfy { $0.isFinal || !$0.isConnected || $0.isSuspect }
        if donors.allSatisfy(\.1.isFinal) && everyoneHasFinished {
            round = target
            finish(at: time)
        } else {
            round = target
            for index in neighbours.indices { neighbours[index].prune(for: round) }
            gather(at: time)
        }
    }
}
