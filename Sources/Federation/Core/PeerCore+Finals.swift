import Adapters
package import Aggregation
package import Basics

extension PeerCore {
    /// Neighbours that have finished with another adapter than most that have; told once of each.
    ///
    /// A peer that comes back after the others have finished goes towards their adapters, which no longer move. One that
    /// lies among them would hold it between itself and the others for ever.
    mutating func passOverFinals(at time: MonotonicTime) -> Set<PeerID> {
        guard round >= configuration.rounds else { return [] }
        var finals: [HeardShare] = []
        for neighbour in neighbours where neighbour.isFinal {
            guard
                let usable = neighbour.usable(
                    for: round, staleness: configuration.exchange.staleness, factors: pipeline.factors),
                usable.isFinal, pipeline.isFinalAdapter(usable.share)
            else { continue }
            finals.append(usable.share)
        }
        let passedOver = FinalAdapters.strangers(among: finals, bound: configuration.settlingLimits.consensusBound)
        for index in neighbours.indices
        where passedOver.contains(neighbours[index].id) && !neighbours[index].isFinalPassedOver {
            neighbours[index].isFinalPassedOver = true
            report(.finalPassedOver(neighbours[index].id, round: round), at: time)
        }
        return passedOver
    }
}

/// The adapters that a peer's neighbours have finished with.
package enum FinalAdapters {
    /// Where more than half of `finals`, of which there are three at least, agree, those whose adapter is another one.
    ///
    /// - Parameter bound: the consensus bound. Two honest peers end within twice that of each other; twice as much is
    ///   allowed, as the mean that the bound is about is not known here.
    package static func strangers(among finals: [HeardShare], bound: Double) -> Set<PeerID> {
        guard finals.count >= 3 else { return [] }
        let norms = finals.map(\.delta.norm)
        func agree(_ one: Int, _ other: Int) -> Bool {
            // Where rounds exchange different factors, finals of different rounds say nothing of each other.
            guard finals[one].delta.schema == finals[other].delta.schema else { return true }
            let distance = finals[one].delta.distance(to: finals[other].delta)
            return distance <= 4 * bound * max(norms[one], norms[other])
        }
        for pivot in finals.indices {
            let strangers = finals.indices.filter { !agree(pivot, $0) }
            if 2 * strangers.count < finals.count { return Set(strangers.map { finals[$0].origin }) }
        }
        return []
    }
}
