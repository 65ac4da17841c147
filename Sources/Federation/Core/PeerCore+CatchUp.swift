import Adapters
import Aggregation
import Basics
import Overlay
import Wire

/// Catching up with neighbours that are ahead, so that a peer that was away does not mix a stale adapter into theirs.
///
/// Whoever says it is ahead is not believed on its word alone: one member that offers the last round's contribution would
/// otherwise make its neighbours drop their work and take over its adapter. docs/threat-model.md, "A jump ahead".
extension PeerCore {
    /// Whether the peer is to join a round that is ahead of its own.
    var isBehind: Bool { roundAhead != nil }

    /// The round that the peer may join; nil where it stays in its own.
    ///
    /// - A peer that is in step with a neighbour that is there stays, as long as there are rounds with training.
    /// - It follows more than half of the neighbours that are there or have not been away for long: the greatest round that
    ///   so many have reached. Whom the network has cut off from all but one does not follow that
    ///   one.
    /// - A single neighbour is followed as far as the clock allows.
    var roundAhead: Int? {
        let staleness = configuration.exchange.staleness
        // Most of the time nobody is ahead, and this is asked after every datagram.
        guard neighbours.indices.contains(where: { neighbours[$0].newestRound > round + staleness }) else {
            return nil
        }
        var claims: [Int] = []
        for index in neighbours.indices {
            let neighbour = neighbours[index]
            // Who has left unfinished is not followed; who left finished still says how far the swarm has come.
            guard !neighbour.isBarred, !neighbour.hasLeft || neighbour.isFinal else { continue }
            if neighbour.isConnected || neighbour.isFinal {
                let isInStep = abs(neighbour.latestRound - round) <= staleness
                // Settling rounds can be passed over: no work is lost with them.
                if isInStep, !neighbour.isFinal, round < configuration.rounds { return nil }
                claims.append(neighbour.newestRound)
            } else if isExpected(index) {
                // One that may still come counts against those that are ahead: half a swarm that was cut off is no
                // majority.
                claims.append(-1)
            }
        }
        claims.sort(by: >)
        guard !claims.isEmpty else { return nil }
        // In falling order: more than half of the claims, n / 2 + 1 of them, are at least this one.
        let target = claims[claims.count / 2]
        // One is always a majority of itself: here the clock decides.
        if claims.count == 1, let only = neighbours.firstIndex(where: { $0.newestRound == target }) {
            guard canReach(target, only, at: now) else { return nil }
        }
        return target > round + staleness ? target : nil
    }

    /// Whether a neighbour that is away may still come, or come back.
    private func isExpected(_ index: Int) -> Bool {
        guard neighbours[index].wasConnected else { return now < startedAt + configuration.startupPatience }
        return neighbours[index].disconnectedAt.map { now < $0 + configuration.absencePatience } ?? false
    }

    /// Whether a neighbour can have come to `claimed` by `time`, from where it was last seen: a round with training takes it
    /// an eighth of this peer's own fastest local steps at least, a settling round some milliseconds. Whoever was not seen
    /// before began when this peer did, or so much earlier as neighbours are waited for at the start; when this peer goes on
    /// from a checkpoint, the time since then counts too. Before the own first local steps nobody can tell.
    func canReach(_ claimed: Int, _ index: Int, at time: MonotonicTime) -> Bool {
        guard let pace else { return true }
        let seen = neighbours[index].seen ?? Sighting(round: beginningRound, time: startedAt, slack: absence)
        return cost(from: seen.round, to: claimed, pace: pace) <= time - seen.time + seen.slack
    }

    /// Takes note of a round that a neighbour has come to. What it had left of the time that it could have used is not kept
    /// for ever: else a neighbour that was slow for long could jump far.
    mutating func see(_ index: Int, in reached: Int, at time: MonotonicTime) {
        guard let pace else { return }
        let seen = neighbours[index].seen ?? Sighting(round: beginningRound, time: startedAt, slack: absence)
        guard reached > seen.round else { return }
        let left = time - seen.time + seen.slack - cost(from: seen.round, to: reached, pace: pace)
        let round = reached < configuration.rounds ? pace : Self.settlingPace
        let most = round * (4 + configuration.exchange.staleness)
        neighbours[index].seen = Sighting(round: reached, time: time, slack: max(.zero, min(left, most)))
    }

    /// The least that a round with training takes anybody; nil before the own first local steps.
    private var pace: Duration? {
        // Where not everybody trains in every round, a round may take somebody no longer than one without training.
        guard configuration.participation.share >= 1 else { return Self.settlingPace }
        return fastestTraining.map { max(.milliseconds(1), $0 / 8) }
    }

    /// The least that a settling round takes.
    private static let settlingPace = Duration.milliseconds(10)

    /// The least time from one round to another.
    private func cost(from seen: Int, to claimed: Int, pace: Duration) -> Duration {
        let training = min(claimed, configuration.rounds) - min(seen, configuration.rounds)
        let settling = max(claimed, configuration.rounds) - max(seen, configuration.rounds)
        return pace * max(0, training) + Self.settlingPace * max(0, settling)
    }

    /// Whether more than half of the neighbours that are there have come about as far as `round`, besides `index`.
    func isVouched(_ round: Int, besides index: Int) -> Bool {
        var (there, vouching) = (0, 0)
        for other in neighbours.indices where neighbours[other].isConnected {
            there += 1
            if other == index || neighbours[other].latestRound >= round - configuration.exchange.staleness {
                vouching += 1
            }
        }
        // More than the one that claims it, which would vouch for itself.
        return vouching > 1 && 2 * vouching > there
    }

    /// Whether the neighbours that are ahead have all been heard, or are no longer waited for.
    func mayCatchUp(deadline: MonotonicTime, at time: MonotonicTime) -> Bool {
        if time >= deadline { return true }
        return !neighbours.contains { neighbour in
            neighbour.inFlight.values.contains { $0.round > round + configuration.exchange.staleness }
                || neighbour.retries.contains { $0.round > round + configuration.exchange.staleness }
        }
    }

    /// Joins the round `target` with the sample-weighted mean of the own adapter and the newest ones of the neighbours
    /// that have reached it, instead of mixing a stale one into theirs: that is what they have contributed, so the local
    /// steps of the round are done. Not the round after it: peers that are behind would lead, those that were ahead would
    /// be behind then, and a swarm could overtake itself for ever.
    ///
    /// Where a neighbour has finished, the swarm has agreed already, without the own work: then its adapter is taken as it
    /// is.
    ///
    /// - Returns: false if there is nothing to take; then nothing has changed.
    mutating func catchUp(to target: Int, at time: MonotonicTime) -> Bool {
        let staleness = configuration.exchange.staleness
        // Steps that were taken ahead are the own work.
        let own = ahead?.result?.delta ?? delta
        let donors = neighbours.compactMap { neighbour in
            neighbour.contributions.last { $0.isFinal || $0.round <= target + staleness }.map { (neighbour, $0) }
        }.filter { $0.1.isFinal || $0.1.round >= target - staleness }
        let keepsOwn = !donors.contains { $0.1.isFinal }
        var shares = donors.map(\.1.share)
        if pipeline.factors.changesByRound {
            // The newest of each holds one factor; the one before it the other.
            for (neighbour, newest) in donors where !newest.isFinal {
                shares += neighbour.contributions.filter { $0.round < newest.round }.map(\.share)
            }
        }
        if keepsOwn, !shares.isEmpty {
            shares.append(
                HeardShare(
                    origin: local.id, round: round,
                    weight: configuration.exchange.weight(ofSampleCount: roster.sampleCount), delta: own,
                    header: [UInt8](repeating: 0, count: configuration.exchange.mixing.headerByteCount)))
        }
        guard let mean = pipeline.adopt(shares, insteadOf: own, in: mixingRound()) else { return false }
        if let steps = ahead?.result {
            report(steps.news, at: time)
            snapshot = steps.snapshot
            ahead = nil
        }
        report(
            .caughtUp(from: round, to: target, donors: donors.map(\.0.id), keptOwnWork: keepsOwn), at: time)
        if isAudited, !pipeline.factors.changesByRound {
            let parts = donors.map { PeerAudit.Part(origin: $0.0.id, sequence: $0.1.sequence) }
            directives.append(
                .audit(.adopted(of: parts, with: keepsOwn ? exchanged(own) : nil, delta: exchanged(mean))))
        }
        delta = mean
        // What was known of the agreement was about the adapter that has just been replaced.
        settling.restart()
        directives.append(.checkpoint(checkpoint(nextRound: target, isFinished: false)))
        let everyoneHasFinished = neighbours.allSatisfy { $0.isFinal || !$0.isConnected || $0.isSuspect }
        // Who comes late to a swarm that is about to give up has rounds of its own to agree in.
        settlingAllowance = max(settlingAllowance, target - configuration.rounds)
        round = target
        if donors.allSatisfy(\.1.isFinal) && everyoneHasFinished {
            finish(at: time)
        } else {
            for index in neighbours.indices { prune(index) }
            gather(at: time)
        }
        return true
    }
}
