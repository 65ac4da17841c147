import Adapters
import Aggregation
import Basics

extension PeerCore {
    /// What a round of mixing begins with.
    private struct Heard {
        /// What the neighbours contributed.
        var shares: [HeardShare] = []
        /// The same for whoever averages again outside.
        var parts: [PeerAudit.Part] = []
        /// Whom it was heard from, and whom not.
        var present: [PeerID] = []
        var absent: [PeerID] = []
        /// What the neighbours tell of the swarm's agreement.
        var news: [SettlingNews] = []
        /// Whether nobody that is there kept silent.
        var isComplete = true
    }

    /// Mixes with what is there and begins the next round, or finishes.
    mutating func mix(since: MonotonicTime, at time: MonotonicTime) {
        let heard = collect()
        let outcome = pipeline.mix(delta, with: heard.shares, in: mixingRound())
        delta = outcome.delta
        account(heard, outcome, since: since, at: time)
        advance(heard, outcome, at: time)
    }

    /// What there is of each neighbour for this round. Who is there and kept silent is not waited for again in rounds with
    /// training until it is heard from.
    private mutating func collect() -> Heard {
        var heard = Heard()
        for index in neighbours.indices {
            let neighbour = neighbours[index]
            let usable = neighbour.usable(for: round, staleness: configuration.exchange.staleness)
            guard usable != nil || sources.includes(neighbour.id) else { continue }
            if let usable {
                heard.shares.append(usable.share)
                heard.present.append(neighbour.id)
                if isAudited { heard.parts.append(PeerAudit.Part(origin: neighbour.id, sequence: usable.sequence)) }
            } else {
                heard.absent.append(neighbour.id)
            }
            if let usable, usable.isFinal || usable.round >= round {
                heard.news.append(usable.isFinal ? .finished : .status(usable.settling))
            } else if neighbour.isConnected, sources.includes(neighbour.id), neighbour.refusedThrough < round {
                heard.news.append(.silence)
                heard.isComplete = false
                neighbours[index].isSuspect = true
            }
        }
        return heard
    }

    /// Tells what was mixed.
    private mutating func account(
        _ heard: Heard, _ outcome: MixingOutcome, since: MonotonicTime, at time: MonotonicTime
    ) {
        if isAudited { directives.append(.audit(.mixed(round: round, with: heard.parts, delta: delta))) }
        report(
            .mixed(
                round: round, disagreement: outcome.disagreement, present: heard.present, absent: heard.absent,
                duration: time - since), at: time)
        reportShares(outcome, at: time)
        report(.traffic(traffic), at: time)
    }

    /// Goes on to the next round. After a settling round: is the swarm known to agree?
    private mutating func advance(_ heard: Heard, _ outcome: MixingOutcome, at time: MonotonicTime) {
        guard round >= configuration.rounds else {
            directives.append(.checkpoint(checkpoint(nextRound: round + 1, isFinished: false)))
            return beginRound(round + 1, at: time)
        }
        let limits = configuration.settlingLimits
        report(.settling(round: round, disagreement: outcome.disagreement, bound: limits.edgeBound), at: time)
        settling.advance(disagreement: heard.isComplete ? outcome.disagreement : nil, heard: heard.news)
        switch settling.verdict(after: round - configuration.rounds) {
        case .unsettled: beginRound(round + 1, at: time)
        case .settled:
            report(.settled(round: round, bound: limits.consensusBound), at: time)
            finish(at: time)
        case .limitReached:
            report(.settlingLimitReached(round: round, disagreement: outcome.disagreement), at: time)
            finish(at: time)
        }
    }
}

// MARK: - Catching up

extension PeerCore {
    /// Whether a neighbour's contribution is here that is too far ahead to be mixed.
    var isBehind: Bool {
        for index in neighbours.indices {
            let contributions = neighbours[index].contributions.count
            if contributions > 0,
                neighbours[index].contributions[contributions - 1].round > round + configuration.exchange.staleness
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
            neighbour.inFlight.values.contains { $0.round > round + configuration.exchange.staleness }
                || neighbour.retries.contains { $0.round > round + configuration.exchange.staleness }
        }
    }

    /// Takes the sample-weighted mean of the newest adapters of the neighbours that are ahead as the own, instead of
    /// mixing a stale one into theirs, and joins their round with it: that is what they have contributed, so the local
    /// steps of the round are done. Not the round after it: peers that are behind would lead, those that were ahead would
    /// be behind then, and a swarm could overtake itself for ever.
    mutating func catchUp(at time: MonotonicTime) {
        let newest = neighbours.compactMap { neighbour in neighbour.contributions.last.map { (neighbour, $0) } }
        let target = newest.map(\.1.round).max() ?? round
        let donors = newest.filter { $0.1.isFinal || $0.1.round >= target - configuration.exchange.staleness }
        guard let mean = pipeline.adopt(donors.map(\.1.share), insteadOf: delta, in: mixingRound()) else { return }
        report(.caughtUp(from: round, to: target, donors: donors.map(\.0.id)), at: time)
        delta = mean
        if isAudited {
            let parts = donors.map { PeerAudit.Part(origin: $0.0.id, sequence: $0.1.sequence) }
            directives.append(.audit(.adopted(of: parts, delta: mean)))
        }
        settling.restart()
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
