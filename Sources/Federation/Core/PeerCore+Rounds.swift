import Adapters
import Aggregation
import Basics
import Overlay
import Wire

extension PeerCore {
    /// Begins a round: with training, or a settling round, which publishes at once.
    mutating func beginRound(_ round: Int, at time: MonotonicTime) {
        self.round = round
        changeRoster(at: time)
        beginGains()
        for index in neighbours.indices { prune(index) }
        if ahead != nil {
            takeStepsAhead(at: time)
        } else if trains(in: round) {
            phase = .training
            train(round, at: time)
        } else {
            if round < configuration.rounds { report(.relays(round: round), at: time) }
            gather(at: time)
        }
    }

    /// Whether this peer takes local steps in `round`.
    func trains(in round: Int) -> Bool {
        round < configuration.rounds
            && configuration.participation.trains(roster.place, of: roster.swarmCount, in: round)
    }

    /// Asks the trainer for the local steps of `round`.
    mutating func train(_ round: Int, at time: MonotonicTime) {
        report(.roundStarted(round: round), at: time)
        var request = TrainingRequest(
            round: round, steps: configuration.localSteps, delta: delta, factors: pipeline.factors.trained(in: round),
            residualRank: pipeline.factors.residualRank, proximal: configuration.proximal)
        request.correction = pipeline.correction(in: mixingRound())
        request.probes = gainProbe?.adapters ?? []
        directives.append(.train(request))
    }

    /// Publishes the round's contribution and waits for the neighbours'. A peer that is behind publishes nothing: it is
    /// about to take its neighbours' adapters.
    mutating func gather(at time: MonotonicTime) {
        if round >= configuration.rounds, settlingSince == nil { beginSettling(at: time) }
        sources = pipeline.sources(in: mixingRound())
        reduction = nil
        dropAverage()
        phase = .gathering(since: time, deadline: deadline(from: time))
        waits.begin(round: round, at: time)
        for neighbour in neighbours where neighbour.contributions.contains(where: { $0.round == round }) {
            waits.arrived(round: round, at: time)
        }
        guard !isBehind else { return gossipFromTheStart(at: time) }
        publish(isFinal: false, at: time)
        if case .gathering(_, let deadline) = phase { beginReduction(deadline: deadline, at: time) }
        trainAhead(at: time)
    }

    /// Who was slow in the rounds with training gets its chance in settling, whose rounds take no time of their own; who
    /// was mute does not.
    private mutating func beginSettling(at time: MonotonicTime) {
        settlingSince = time
        for index in neighbours.indices where time < neighbours[index].lastSign + mutePatience(of: index) {
            neighbours[index].misses = 0
        }
    }

    /// Until when neighbours that are there are waited for. In the startup they may be waiting for someone themselves.
    func deadline(from time: MonotonicTime) -> MonotonicTime {
        let patient = time + waits.patience(training: lastTrainingDuration)
        let startup = startedAt + configuration.startupPatience + PeerConfiguration.startupMargin
        return min(max(patient, startup), configuration.waits.limit.map { time + $0 } ?? .distantFuture)
    }

    /// Moves on if that is possible now.
    ///
    /// - Returns: whether something changed.
    mutating func step(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) -> Bool {
        switch phase {
        case .ready, .training, .keeping, .stopped: return false
        case .gathering(let since, let deadline):
            if isTrainingAhead { return false }
            if let target = roundAhead {
                guard mayCatchUp(deadline: deadline, at: time) else { return false }
                return catchUp(to: target, at: time)
            }
            if reduce(since: since, deadline: deadline, at: time) { return true }
            for index in neighbours.indices
            where isAwaited(index, since: since, deadline: deadline, at: time) { return false }
            mix(since: waitingSince(since), at: time)
            return true
        case .finished(let since):
            guard mayLeave(since: since, at: time) else { return false }
            stop(.finished, at: time, using: &generator)
            return false
        }
    }

    /// Until when the peer waits for a neighbour's contribution to this round; nil if it does not.
    func awaitedUntil(_ index: Int, since: MonotonicTime, deadline: MonotonicTime) -> MonotonicTime? {
        if neighbours[index].hasAnswered(round) || !sources.includes(neighbours[index].id) { return nil }
        let limit = configuration.waits.limit.map { since + $0 } ?? .distantFuture
        if neighbours[index].isConnected {
            let isSilent = !neighbours[index].isSending
            if isSilent, round < configuration.rounds ? neighbours[index].isSuspect : isGivenUp(index) { return nil }
            let until = isSilent ? min(deadline, muteFrom(index)) : deadline
            guard round >= configuration.rounds else { return until }
            // In settling rounds a slow neighbour is waited for again, as the swarm does not agree without it; but not for
            // longer than all the training took.
            return min(until, since + max(.zero, settlingBudget(index) - neighbours[index].wasted))
        }
        guard neighbours[index].wasConnected else { return min(startedAt + configuration.startupPatience, limit) }
        // Rounds with training go on without it, unless the topology asks for patience, or nobody is there: a peer that goes
        // through its rounds alone would come back ahead of the swarm. Settling would agree without it.
        let isPatient = round >= configuration.rounds || configuration.patience != nil || isAlone
        guard isPatient, !neighbours[index].hasLeft else { return nil }
        return neighbours[index].disconnectedAt.map { min($0 + configuration.absencePatience, limit) }
    }

    /// When a neighbour that is there counts as mute: it keeps the session alive and says not even that it is at work.
    ///
    /// Silence of one that is not heard at all means nothing: the session will show whether it is away, and that is looked
    /// at again every second. Nor does the silence before a gap, as after a short network failure: what was said then may
    /// still be on its way. But one that makes gaps itself is not waited for longer than the most.
    private func muteFrom(_ index: Int) -> MonotonicTime {
        // By place: this is asked after every datagram.
        let lastSign = neighbours[index].lastSign
        guard let reception = wire.reception(from: neighbours[index].id) else { return now + .seconds(1) }
        let moment = min(
            max(lastSign, reception.since) + mutePatience(of: index), lastSign + mutePatienceBounds.upperBound)
        // Heartbeats are acknowledged: somebody who is there is heard twice in the time of four.
        let isAlive = reception.last + min(Self.keepalive, (moment - lastSign) / 2) >= moment
        return isAlive || now < moment ? moment : now + .seconds(1)
    }

    /// A little more than the time between two signs of life of a session.
    private static let keepalive = WireConfiguration.attentive.keepaliveInterval + .milliseconds(500)

    /// How long settling waits for a neighbour in vain, all in all. One that itself waits for somebody who is away is given
    /// the time that this takes.
    private func settlingBudget(_ index: Int) -> Duration {
        let budget = max(configuration.settlingPatience, (settlingSince ?? startedAt) - startedAt)
        guard neighbours[index].isWaiting else { return budget }
        return budget + configuration.absencePatience + PeerConfiguration.startupMargin
    }

    /// Whether settling goes on without a neighbour that is there: it has missed several deadlines in a row and came no
    /// further in between, or has cost too much time. What it contributes is mixed all the same, unless it is far ahead.
    func isGivenUp(_ index: Int) -> Bool {
        neighbours[index].misses >= PeerConfiguration.missLimit || neighbours[index].wasted >= settlingBudget(index)
    }

    /// A neighbour that is there and was waited for has not answered.
    mutating func miss(_ index: Int, since: MonotonicTime, at time: MonotonicTime) {
        neighbours[index].isSuspect = true
        neighbours[index].misses += 1
        if round >= configuration.rounds { neighbours[index].wasted += time - since }
        guard round >= configuration.rounds, isGivenUp(index), neighbours[index].isGivenUpSilently else { return }
        neighbours[index].isGivenUpSilently = false
        report(.givenUp(neighbours[index].id, round: round, missed: neighbours[index].misses), at: time)
    }

    /// Whether there is no session with any neighbour.
    var isAlone: Bool {
        for index in neighbours.indices where neighbours[index].isConnected { return false }
        return true
    }

    func isAwaited(_ index: Int, since: MonotonicTime, deadline: MonotonicTime, at time: MonotonicTime) -> Bool {
        awaitedUntil(index, since: since, deadline: deadline).map { time < $0 } ?? false
    }

    /// The first moment after `now` at which waiting for someone ends; nil without any.
    var phaseDeadline: MonotonicTime? {
        switch phase {
        case .ready, .training, .keeping, .stopped: return nil
        case .gathering(let since, let deadline):
            guard !isTrainingAhead else { return nil }
            guard !isBehind else { return deadline > now ? deadline : nil }
            // By place: this is asked after every datagram, and a copy of a neighbour's state counts its references.
            var earliest = reduction.flatMap { $0.until > now ? $0.until : nil }
            for index in neighbours.indices {
                guard let moment = awaitedUntil(index, since: since, deadline: deadline), moment > now else { continue }
                earliest = min(earliest ?? moment, moment)
            }
            return earliest
        case .finished(let since):
            return [since + configuration.lingerTimeout, since + configuration.lingerLimit].filter { $0 > now }.min()
        }
    }
}
