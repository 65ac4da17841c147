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

    /// Looks for a neighbour at `address` from now on: its host's name leads there. A session that stands goes on.
    package mutating func relocate(
        _ peer: PeerID, to address: NetworkAddress, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        guard !isStopped, lookedUp[peer] != address, roster[peer] != nil,
            var remote = configuration.remotes.first(where: { $0.id == peer }),
            let name = configuration.hostNames.first(where: { $0.peer == peer })
        else { return }
        lookedUp[peer] = address
        remote.address = address
        wire.admit(remote, at: time)
        report(.hostFound(peer, name: "\(name.place)", address: "\(address)"), at: time)
        proceed(at: time, using: &generator)
    }

    /// Neighbours whose hosts have names and with whom there is no session, each with the time for which there has been
    /// none.
    package func lostHosts(at time: MonotonicTime) -> [(name: PeerConfiguration.HostName, since: Duration)] {
        configuration.hostNames.compactMap { name in
            guard let neighbour = neighbours.first(where: { $0.id == name.peer }), !neighbour.isConnected,
                !neighbour.isBarred
            else { return nil }
            return (name, time - (neighbour.disconnectedAt ?? startedAt))
        }
    }

    /// Where a neighbour is looked for, in words.
    func whereabouts(of peer: PeerID) -> String {
        let address = lookedUp[peer] ?? configuration.remotes.first { $0.id == peer }?.address
        guard let name = configuration.hostNames.first(where: { $0.peer == peer }) else {
            return address.map { "\($0)" } ?? "no address is known"
        }
        return "\(name.place) (\(address.map(\.host) ?? "no address is known"))"
    }

    private mutating func change(
        _ change: RosterChange, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        rosterChanges.append(change)
        switch phase {
        // The weights of a round that is being gathered stay as both ends of every edge know them.
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
                // `start` begins sessions with all that are there by then.
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
