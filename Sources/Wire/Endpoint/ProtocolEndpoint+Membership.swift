package import Basics

/// Who is on the allow list. It may change at any time: connections with others do not notice.
extension ProtocolEndpoint {
    /// Speaks with a peer from now on: it is answered, and `connect` begins a session with it. A peer that is on the allow
    /// list already keeps its connection and is looked for at its new address; with another X25519 key it is expelled first.
    ///
    /// - Returns: false if nothing changes: the endpoint is closed, the peer is this one, or the key is another peer's.
    @discardableResult
    package mutating func admit(_ remote: RemotePeer, at time: MonotonicTime) -> Bool {
        guard !isClosed, remote.id != local.id else { return false }
        if let owner = connections.id(ofKey: remote.exchangeKey), connections[owner].remote.id != remote.id {
            return false
        }
        if let id = connections.id(of: remote.id) {
            if connections[id].remote.exchangeKey == remote.exchangeKey {
                connections[id].move(to: remote.address, at: time)
                if let address = remote.address { remember(address) }
                return true
            }
            expel(remote.id, at: time)
        }
        // A fresh incarnation: whatever the peer still knows of an earlier connection does not hold any more.
        guard let id = insert(remote, incarnation: context.stamps.fresh(at: time), at: time) else { return false }
        if let position = formerRevocations.firstIndex(where: { $0.peer == remote.id }) {
            connections[id].standing.revoke(by: formerRevocations.remove(at: position))
        }
        if let address = remote.address { remember(address) }
        return true
    }

    /// Speaks with a peer no longer. It is told goodbye if there is a session, and gets no answer any more. Whatever is known
    /// of it is forgotten, but for the revocation of its keys. What it was asked for fails; other holders of the same objects
    /// are asked for what is missing.
    ///
    /// - Returns: false if it was not on the allow list.
    @discardableResult
    package mutating func expel(_ peer: PeerID, at time: MonotonicTime) -> Bool {
        guard !isClosed, let id = connections.id(of: peer) else { return false }
        let goodbyes = connections[id].goodbyes(configuration, at: time)
        if connections[id].isAssociated {
            release(connections[id].end(.expelled, &context, at: time), from: id, at: time)
        }
        connections[id].close(&context, at: time)
        if strays.count + goodbyes.count <= Self.strayLimit { strays += goodbyes }
        if let revocation = connections.remove(id).standing.revocation { keep(revocation) }
        knownAddresses = addressesOfPeers()
        context.hasNewMemory = true
        return true
    }

    /// Keeps the revocation of a peer that there is no connection with; of many the oldest is forgotten.
    mutating func keep(_ revocation: Revocation) {
        formerRevocations.append(revocation)
        if formerRevocations.count > Self.formerRevocationLimit { formerRevocations.removeFirst() }
    }

    private static let formerRevocationLimit = 1024

    @discardableResult
    mutating func insert(_ remote: RemotePeer, incarnation: UInt64, at time: MonotonicTime) -> ConnectionID? {
        let configuration = context.configuration
        return connections.insert(remote) { id in
            Connection(id: id, remote: remote, incarnation: incarnation, configuration: configuration, at: time)
        }
    }

    /// Where the peers were last, and where the allow list says that they are.
    func addressesOfPeers() -> Set<NetworkAddress> {
        Set(
            connections.ids.flatMap { [connections[$0].lastAddress, connections[$0].remote.address] }.compactMap(\.self)
        )
    }

    /// Keeps an address among those where peers are known to be.
    mutating func remember(_ address: NetworkAddress) {
        // Of peers that wander the old places are forgotten.
        if knownAddresses.count > 4 * connections.count {
            knownAddresses = Set(connections.ids.compactMap { connections[$0].lastAddress })
        }
        knownAddresses.insert(address)
    }
}

extension Connection {
    /// The allow list has another address for the peer: where there is no session, it is tried next.
    fileprivate mutating func move(to address: NetworkAddress?, at time: MonotonicTime) {
        guard remote.address != address else { return }
        remote.address = address
        guard !isAssociated, let address else { return }
        lastAddress = address
        if isWanted {
            tries = 0
            nextHandshake = time
        }
    }
}
