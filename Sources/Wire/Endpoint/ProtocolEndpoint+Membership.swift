import Basics

/// Who is on the allow list.
extension ProtocolEndpoint {
    @discardableResult
    mutating func insert(_ remote: RemotePeer, incarnation: UInt64, at time: MonotonicTime) -> ConnectionID? {
        let configuration = context.configuration
        return connections.insert(remote) { id in
            Connection(
                id: id, remote: remote, incarnation: incarnation, configuration: configuration, at: time)
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
