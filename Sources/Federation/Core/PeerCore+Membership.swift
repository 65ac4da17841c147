import Aggregation
package import Basics
package import Overlay
package import Wire

/// A change of who this peer exchanges contributions with.
enum RosterChange: Sendable {
    /// A neighbour is taken in, or what is new about one.
    case admit(Roster.Member, RemotePeer)
    /// A neighbour is struck off.
    case expel(PeerID)
}

extension PeerCore {
    /// Takes a neighbour in with the next round: until then a round's weights are those that both ends of every edge began
    /// it with. The other side has to do the same.
    package mutating func admit(
        _ member: Roster.Member, as remote: RemotePeer, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        precondition(member.id == remote.id, "the keys are those of the member")
        change(.admit(member, remote), at: time, using: &generator)
    }

    /// Strikes a neighbour off with the next round. It is told goodbye, and what it contributed is forgotten.
    package mutating func expel(
        _ peer: PeerID, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        change(.expel(peer), at: time, using: &generator)
    }

    private mutating func change(
        _ change: RosterChange, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        rosterChanges.append(change)
        switch phase {
        case .gathering, .keeping: break
        case .ready, .training, .finished, .stopped: changeRoster(at: time)
        }
        proceed(at: time, using: &generator)
    }

    /// Makes the changes that were asked for since the last round began.
    mutating func changeRoster(at time: MonotonicTime) {
        for change in rosterChanges {
            switch change {
            case .admit(let member, let remote):
                guard member.id != local.id else { continue }
                let isNew = roster[member.id] == nil
                roster.admit(member)
                guard isNew, let place = roster.index(of: member.id) else { continue }
                neighbours.insert(NeighbourState(id: member.id), at: place)
                wire.admit(remote, at: time)
                if phase != .ready { strangers.append(member.id) }
            case .expel(let peer):
                guard let place = roster.index(of: peer) else { continue }
                neighbours.remove(at: place)
                roster.expel(peer)
                pipeline.forget(peer)
                wire.expel(peer, at: time)
            }
        }
        rosterChanges = []
    }

    /// Begins sessions with neighbours that are new.
    mutating func greet(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        guard !strangers.isEmpty else { return }
        for peer in strangers { wire.connect(to: peer, at: time, using: &generator) }
        strangers = []
    }
}
