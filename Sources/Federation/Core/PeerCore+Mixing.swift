import Adapters
import Aggregation
import Basics
import Wire

extension PeerCore {
    /// What a round of mixing begins with.
    private struct Heard {
        /// What the neighbours contributed.
        var shares: [HeardShare] = []
        /// Those of neighbours that have finished.
        var finals: [HeardShare] = []
        /// The same for whoever averages again outside.
        var parts: [PeerAudit.Part] = []
        /// Whom it was heard from, and whom not.
        var present: [PeerID] = []
        var absent: [PeerID] = []
        /// What the neighbours tell of the swarm's agreement.
        var news: [(origin: PeerID, news: SettlingNews)] = []
        /// Whether nobody that is there kept silent.
        var isComplete = true
    }

    /// Mixes with what is there and begins the next round, or finishes.
    mutating func mix(since: MonotonicTime, at time: MonotonicTime) {
        // Neighbours have gone on; of a large adapter every payload counts.
        retireOld()
        var heard = collect(since: since, at: time)
        let (own, givers) = (delta, giversAdapters(heard.shares))
        let outcome = pipeline.mix(delta, with: heard.shares, in: mixingRound())
        // Whom the rule neither waits for nor took anything of has no part in this round.
        heard.present.removeAll { id in
            !sources.includes(id) && !outcome.weights.contains { $0.origin == id }
        }
        delta = outcome.delta
        reduction = nil
        account(heard, outcome, since: since, at: time)
        delta = pipeline.carried(delta, from: own, in: mixingRound())
        delta = pipeline.step(delta, towards: heard.finals, in: mixingRound())
        probe(own: own, givers)
        advance(heard, outcome, at: time)
    }

    /// Takes the average of all contributions, which came in slices, and begins the next round.
    mutating func mix(average: [Float], of offers: [SliceOffer], since: MonotonicTime, at time: MonotonicTime) {
        retireOld()
        var heard = Heard()
        for offer in offers {
            guard let index = index(of: offer.origin) else { continue }
            heard.present.append(offer.origin)
            heard.news.append((offer.origin, .status(offer.settling)))
            if isAudited { heard.parts.append(PeerAudit.Part(origin: offer.origin, sequence: offer.sequence)) }
            neighbours[index].answered()
            guard let fetched = offer.fetched else { continue }
            neighbours[index].took(offer.sequence, staleness: configuration.exchange.staleness)
            report(
                .contributionReceived(
                    from: offer.origin, round: round, byteCount: fetched, object: offer.object.description), at: time)
        }
        let outcome = pipeline.take(
            average: average, by: delta, of: offers.map { ($0.origin, $0.weight) }, in: mixingRound())
        delta = outcome.delta
        account(heard, outcome, since: since, at: time)
        advance(heard, outcome, at: time)
    }

    /// What there is of each neighbour for this round. Who is there and kept silent is not waited for again in rounds with
    /// training until it is heard from; in settling rounds, not after several times (`isGivenUp`).
    private mutating func collect(since: MonotonicTime, at time: MonotonicTime) -> Heard {
        var heard = Heard()
        let passedOver = passOverFinals(at: time)
        for index in neighbours.indices {
            let neighbour = neighbours[index]
            if passedOver.contains(neighbour.id) {
                // The others' agreement is proved without it.
                heard.absent.append(neighbour.id)
                continue
            }
            var usable = neighbour.usable(
                for: round, staleness: configuration.exchange.staleness, factors: pipeline.factors)
            // Of who is no longer waited for and says that it is far ahead, this was made in another round than it says:
            // others may have proved by now that the swarm agrees.
            if let contribution = usable, !contribution.isFinal, round >= configuration.rounds, isGivenUp(index),
                neighbour.newestRound > round + configuration.exchange.staleness
            {
                usable = nil
            }
            // Whom the rule does not wait for in this round is not absent from it.
            guard usable != nil || sources.includes(neighbour.id) else { continue }
            if let usable {
                heard.shares.append(usable.share)
                if usable.isFinal { heard.finals.append(usable.share) }
                heard.present.append(neighbour.id)
                if isAudited { heard.parts.append(PeerAudit.Part(origin: neighbour.id, sequence: usable.sequence)) }
            } else {
                heard.absent.append(neighbour.id)
            }
            if let usable, usable.isFinal || usable.round >= round {
                heard.news.append((neighbour.id, usable.isFinal ? .finished : .status(usable.settling)))
                // Whoever is far ahead besides is not in step.
                if neighbour.newestRound <= round + configuration.exchange.staleness { neighbours[index].answered() }
            } else if neighbour.isConnected, sources.includes(neighbour.id), neighbour.refusedThrough < round {
                // Who is ahead has passed this round, and has not said that it agrees. It has missed nothing as long as the
                // peer comes nearer to it, as it does to those that wait.
                let hasMissed =
                    neighbour.hasAnswered(round) ? !neighbours[index].isComingNearer(to: round) : true
                if hasMissed { miss(index, since: since, at: time) }
                // The others' agreement is proved without it: otherwise one that is silent for ever would keep the
                // swarm from ending.
                if round >= configuration.rounds, isGivenUp(index) { continue }
                heard.news.append((neighbour.id, .silence))
                heard.isComplete = false
            }
        }
        return heard
    }

    /// Tells what was mixed.
    private mutating func account(
        _ heard: Heard, _ outcome: MixingOutcome, since: MonotonicTime, at time: MonotonicTime
    ) {
        // Products are no weighted sums that anybody could make again.
        if isAudited, pipeline.loss?.isMadeGood != true {
            directives.append(.audit(.mixed(round: round, with: heard.parts, delta: exchanged(delta))))
        }
        report(
            .mixed(
                round: round, disagreement: outcome.disagreement, present: heard.present, absent: heard.absent,
                duration: time - since), at: time)
        reportShares(outcome, at: time)
        if let loss = pipeline.loss {
            report(
                .factorBias(
                    round: round, bias: loss.averaging.whole, left: loss.left, layers: loss.averaging.layers), at: time)
        }
        report(.traffic(traffic), at: time)
    }

    /// What of an adapter is exchanged in this round.
    func exchanged(_ delta: AdapterDelta) -> AdapterDelta { pipeline.part(of: delta, in: round) }

    /// Goes on to the next round. After a settling round: is the swarm known to agree?
    private mutating func advance(_ heard: Heard, _ outcome: MixingOutcome, at time: MonotonicTime) {
        guard round >= configuration.rounds else {
            directives.append(.checkpoint(checkpoint(nextRound: round + 1, isFinished: false)))
            return beginRound(round + 1, at: time)
        }
        let limits = configuration.settlingLimits
        report(.settling(round: round, disagreement: outcome.disagreement, bound: limits.edgeBound), at: time)
        // The proof adds distances to copies' errors: a distance counts only where the own error keeps within its share
        // of the bound, and where averages are gone on with (docs/mathematics.md, "When the swarm agrees").
        let isProof =
            heard.isComplete && outcome.roundingError <= limits.errorBound
            && pipeline.goesOnWithAverage(of: mixingRound())
        let passedOver = settling.advance(disagreement: isProof ? outcome.disagreement : nil, heard: heard.news)
        for peer in passedOver { report(.denialPassedOver(peer, round: round), at: time) }
        switch settling.verdict(after: round - configuration.rounds - settlingAllowance) {
        case .unsettled: beginRound(round + 1, at: time)
        case .settled:
            report(
                .settled(round: round, bound: limits.consensusBound, alone: heard.present.isEmpty && isAlone), at: time)
            finish(at: time)
        case .limitReached:
            report(.settlingLimitReached(round: round, disagreement: outcome.disagreement), at: time)
            finish(at: time)
        }
    }
}
