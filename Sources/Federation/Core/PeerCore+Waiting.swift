import Aggregation
import Basics
import Wire

/// What a peer that waits says: for whom, where they are looked for, whether they were ever there, and how long it still
/// waits. It changes nothing.
extension PeerCore {
    /// The pause before a wait is told, and between two times.
    static let waitingInterval = Duration.seconds(5)
    /// Addresses that are named; of a crowd the first ones do.
    private static let namedAddresses = 8

    /// Whom the peer waits for now, with the moment at which it no longer does, and since when; nil while it waits for
    /// nobody.
    private var wait: (since: MonotonicTime, awaited: [(index: Int, until: MonotonicTime)])? {
        switch phase {
        case .ready, .training, .keeping, .stopped: return nil
        case .gathering(let since, let deadline):
            guard !isBehind, !isTrainingAhead else { return nil }
            return (
                waitingSince(since),
                neighbours.indices.compactMap { index in
                    awaitedUntil(index, since: since, deadline: deadline).flatMap { now < $0 ? (index, $0) : nil }
                }
            )
        case .finished(let since):
            return (
                since,
                neighbours.indices.compactMap { index in
                    let neighbour = neighbours[index]
                    if neighbour.isFinal || neighbour.hasLeft || neighbour.isBarred { return nil }
                    let patience =
                        neighbour.isConnected ? configuration.lingerLimit : configuration.lingerTimeout
                    return now < since + patience ? (index, since + patience) : nil
                }
            )
        }
    }

    /// When the peer next says whom it waits for; nil while it waits for nobody.
    var waitingReportDue: MonotonicTime? {
        guard let wait, !wait.awaited.isEmpty else { return nil }
        return max(wait.since, waitingTold ?? wait.since) + Self.waitingInterval
    }

    /// Says whom the peer waits for, where that is due.
    mutating func reportWaiting(at time: MonotonicTime) {
        now = max(now, time)
        guard let due = waitingReportDue, due <= time, let wait else { return }
        waitingTold = time
        let awaited = wait.awaited.map { neighbours[$0.index] }
        let addresses = awaited.prefix(Self.namedAddresses).map { whereabouts(of: $0.id) }
        let latest = wait.awaited.map(\.until).max() ?? time
        report(
            .waiting(
                round: round, awaited: awaited.map(\.id),
                addresses: addresses.joined(separator: ", ") + (awaited.count > addresses.count ? " …" : ""),
                unheard: awaited.filter { !$0.wasConnected }.map(\.id),
                strangers: Int(clamping: wire.statistics.strangers), left: max(.zero, latest - time)), at: time)
    }

    /// Says what neighbours' contributions counted, where that is not as it was told last.
    mutating func reportShares(_ outcome: MixingOutcome, at time: MonotonicTime) {
        let total = outcome.keptWeight + outcome.weights.reduce(0) { $0 + $1.weight }
        guard total > 0, total.isFinite else { return }
        let shares = outcome.weights.map { EventDescription.Share(peer: $0.origin, share: $0.weight / total) }
        guard shares != toldShares else { return }
        toldShares = shares
        report(.shares(round: round, shares), at: time)
    }
}
