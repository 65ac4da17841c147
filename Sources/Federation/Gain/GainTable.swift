package import Basics

/// In which rounds a swarm measures who gains from whom, and who is in it.
package struct GainSettings: Sendable, Hashable {
    /// Every so many rounds with training.
    package var interval: Int
    /// All peers of the swarm, by their places in the topology file: rows name them so, and are signed by them.
    package var members: [PeerID]

    package init(interval: Int, members: [PeerID]) {
        precondition(interval > 0, "gains are measured every so many rounds")
        self.interval = interval
        self.members = members
    }

    /// Whether the contributions of `round` are measured: those of the last of so many rounds. What a round brought is
    /// measured before the local steps of the next, so that the last round with training is none.
    package func measures(_ round: Int, of rounds: Int) -> Bool {
        (round + 1).isMultiple(of: interval) && round + 1 < rounds
    }

    /// Which of `count` neighbours are measured in `round`: all, or where there are more than a row holds, in turns.
    package func turn(_ count: Int, in round: Int) -> [Int] {
        let limit = GainRow.giverLimit
        guard count > limit else { return Array(0..<count) }
        let first = (round + 1) / interval % count * limit
        return (0..<limit).map { (first + $0) % count }
    }
}

/// The newest row of every peer, as far as it has come here: at most one a peer of the swarm.
package struct GainTable: Sendable {
    /// Why a row that came is not taken.
    package enum Refusal: Sendable, Hashable {
        /// It is known already, or a later one of its peer.
        case old
        /// No honest peer says this.
        case lie
    }

    /// By place.
    package private(set) var rows: [Int: SignedGainRow] = [:]

    package init() {}

    /// Enters the peer's own row.
    mutating func enter(_ row: SignedGainRow) { rows[row.row.place] = row }

    /// Takes a row that somebody sent, if it is news.
    ///
    /// - Returns: nil where it was taken.
    package mutating func take(
        _ row: SignedGainRow, from own: Int, settings: GainSettings, rounds: Int, swarm: [UInt8]
    ) -> Refusal? {
        let (place, round) = (row.row.place, row.row.round)
        guard settings.members.indices.contains(place), settings.measures(round, of: rounds),
            row.row.givers.allSatisfy({ settings.members.indices.contains($0.place) })
        else { return .lie }
        // Its own come back where a neighbour joins anew.
        guard place != own, rows[place].map({ $0.row.round < round }) ?? true else { return .old }
        guard row.isSigned(by: settings.members[place], swarm: swarm) else { return .lie }
        rows[place] = row
        return nil
    }

    /// Whose rows there are, ascending.
    package var places: [Int] { rows.keys.sorted() }
}
