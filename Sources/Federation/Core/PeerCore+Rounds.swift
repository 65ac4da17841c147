import Adapters
import Aggregation
import Basics
import Wire

extension PeerCore {
    /// Begins a round: with training, or a settling round, which publishes at once.
    mutating func beginRound(_ round: Int, at time: MonotonicTime) {
        self.round = round
        for index in neighbours.indices { neighbours[index].prune(for: round) }
        if round < configuration.rounds {
            phase = .training
            report(.roundStarted(round: round), at: time)
            directives.append(
                .train(TrainingRequest(round: round, steps: configuration.localSteps, delta: delta)))
        } else {
            gather(at: time)
        }
    }

    /// Publishes the round's contribution and waits for the neighbours'. A peer that is behind publishes nothing: it is
    /// about to take its neighbours' adapters.
    mutating func gather(at time: MonotonicTime) {
        sources = pipeline.sources(in: mixingRound())
        phase = .gathering(since: time, deadline: deadline(from: time))
        waits.begin(round: round, at: time)
        for neighbour in neighbours where neighbour.contributions.contains(where: { $0.round == round }) {
            waits.arrived(round: round, at: time)
        }
        if !isBehind { publish(isFinal: false, at: time) }
    }

    /// Until when neighbours that are there are waited for. In the startup they may be waiting for someone themselves.
    private func deadline(from time: MonotonicTime) -> MonotonicTime {
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
            if isBehind {
                guard mayCatchUp(deadline: deadline, at: time) else { return false }
                catchUp(at: time)
                return true
            }
            for index in neighbours.indices where isAwaited(index, deadline: deadline, at: time) { return false }
            mix(since: since, at: time)
            return true
        case .finished(let since):
            guard mayLeave(since: since, at: time) else { return false }
            stop(.finished, at: time, using: &generator)
            return false
        }
    }

    /// Until when the peer waits for a neighbour's contribution to this round; nil if it does not.
    func awaitedUntil(_ index: Int, deadline: MonotonicTime) -> MonotonicTime? {
        if neighbours[index].hasAnswered(round) || !sources.includes(neighbours[index].id) { return nil }
        if neighbours[index].isConnected {
            // In settling rounds a slow neighbour is waited for every time: the swarm does not agree without it.
            let isGivenUp =
                neighbours[index].isSuspect && neighbours[index].inFlight.isEmpty && round < configuration.rounds
            return isGivenUp ? nil : deadline
        }
        guard neighbours[index].wasConnected else { return startedAt + configuration.startupPatience }
        // Rounds with training go on without it, unless nobody is there: a peer that goes through its rounds alone would
        // come back ahead of the swarm, which then takes over its adapter. Settling would agree without it.
        guard round >= configuration.rounds || isAlone, !neighbours[index].hasLeft else { return nil }
        return neighbours[index].disconnectedAt.map { $0 + configuration.absencePatience }
    }

    /// Whether there is no session with any neighbour.
    private var isAlone: Bool {
        for index in neighbours.indices where neighbours[index].isConnected { return false }
        return true
    }

    func isAwaited(_ index: Int, deadline: MonotonicTime, at time: MonotonicTime) -> Bool {
        awaitedUntil(index, deadline: deadline).map { time < $0 } ?? false
    }

    /// The first moment after `now` at which waiting for someone ends; nil without any.
    var phaseDeadline: MonotonicTime? {
        switch phase {
        case .ready, .training, .keeping, .stopped: return nil
        case .gathering(_, let deadline):
            guard !isBehind else { return deadline > now ? deadline : nil }
            // By place: this is asked after every datagram, and a copy of a neighbour's state counts its references.
            var earliest: MonotonicTime?
            for index in neighbours.indices {
                guard let moment = awaitedUntil(index, deadline: deadline), moment > now else { continue }
                earliest = min(earliest ?? moment, moment)
            }
            return earliest
        case .finished(let since):
            return [since + configuration.lingerTimeout, since + configuration.lingerLimit].filter { $0 > now }.min()
        }
    }
}
