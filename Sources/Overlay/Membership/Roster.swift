package import Basics

/// Who takes part in the swarm, as one peer sees it: itself and those it exchanges contributions with.
///
/// Members are known by their identities. A `place` is where the topology file lists somebody: rules that count peers
/// round by round need it, and nothing else may, because places change when members come or go. A roster changes between
/// rounds only; whoever keeps something that follows from it compares `revision`.
package struct Roster: Sendable, Hashable {
    /// Another peer that this one exchanges contributions with: a neighbour in the swarm's graph.
    package struct Member: Sendable, Hashable {
        /// Who it is.
        package let id: PeerID
        /// Where the topology file lists it, from zero.
        package var place: Int
        /// Its number of neighbours.
        package var degree: Int
        /// Which of this peer's other neighbours are its neighbours too; nil where that is not known.
        package var common: Set<PeerID>?

        package init(id: PeerID, place: Int, degree: Int, common: Set<PeerID>? = nil) {
            self.id = id
            self.place = place
            self.degree = degree
            self.common = common
        }

        /// Whether it knows `other` too, as far as is known here.
        package func knows(_ other: PeerID) -> Bool { common?.contains(other) ?? true }
    }

    /// Where the topology file lists this peer, from zero.
    package var place: Int
    /// How many records this peer holds.
    package var sampleCount: Int
    /// How many peers the swarm has.
    package var swarmCount: Int
    /// How far news has to travel: the graph's diameter when one peer is missing.
    package var depth: Int
    /// The neighbours, ascending by identity.
    package private(set) var members: [Member] = []
    /// How often members were admitted or expelled.
    package private(set) var revision = 0

    /// A roster of `members`, in any order; of several entries with one identity the last counts.
    package init(place: Int, sampleCount: Int, swarmCount: Int, depth: Int, members: some Sequence<Member>) {
        self.place = place
        self.sampleCount = sampleCount
        self.swarmCount = swarmCount
        self.depth = depth
        for member in members { insert(member) }
    }

    /// This peer's number of neighbours.
    package var degree: Int { members.count }

    /// Where `id` stands in `members`; nil if it is no neighbour. The place in the array is good until the next change.
    package func index(of id: PeerID) -> Int? {
        let index = insertionIndex(of: id)
        return index < members.count && members[index].id == id ? index : nil
    }

    /// The neighbour with the identity `id`; nil if there is none.
    package subscript(id: PeerID) -> Member? { index(of: id).map { members[$0] } }

    /// Takes a neighbour in, or what is new about one.
    package mutating func admit(_ member: Member) {
        insert(member)
        revision += 1
    }

    /// Strikes a neighbour off; whether it was one.
    @discardableResult
    package mutating func expel(_ id: PeerID) -> Bool {
        guard let index = index(of: id) else { return false }
        members.remove(at: index)
        revision += 1
        return true
    }

    private mutating func insert(_ member: Member) {
        let index = insertionIndex(of: member.id)
        if index < members.count, members[index].id == member.id {
            members[index] = member
        } else {
            members.insert(member, at: index)
        }
    }

    /// The first place whose member's identity is not below `id`.
    private func insertionIndex(of id: PeerID) -> Int {
        var (from, until) = (0, members.count)
        while from < until {
            let middle = (from + until) / 2
            if members[middle].id < id { from = middle + 1 } else { until = middle }
        }
        return from
    }
}

extension SwarmGraph {
    /// What the peer at `place` sees of this graph.
    ///
    /// - Parameters:
    ///   - ids: the identity of each peer that has one, by place. A neighbour without one is left out.
    ///   - depth: `diameterWithOneMissing`, which is computed once for all peers.
    package func roster(of place: Int, ids: [PeerID?], sampleCount: Int, depth: Int) -> Roster {
        let own = Set(neighbours[place])
        let members = neighbours[place].compactMap { other -> Roster.Member? in
            guard let id = ids[other] else { return nil }
            let common = neighbours[other].filter(own.contains).compactMap { ids[$0] }
            return Roster.Member(id: id, place: other, degree: degree(of: other), common: Set(common))
        }
        return Roster(place: place, sampleCount: sampleCount, swarmCount: count, depth: depth, members: members)
    }
}
