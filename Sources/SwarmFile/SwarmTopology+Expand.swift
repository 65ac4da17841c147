package import Basics

/// The public keys that make a peer part of a swarm.
package struct PeerIdentity: Sendable, Hashable {
    /// The Ed25519 public key.
    package let id: PeerID
    /// The X25519 public key, 32 bytes.
    package let exchangeKey: [UInt8]

    package init(id: PeerID, exchangeKey: [UInt8]) {
        precondition(exchangeKey.count == 32, "an X25519 public key has 32 bytes")
        self.id = id
        self.exchangeKey = exchangeKey
    }
}

extension SwarmTopology {
    /// The topology with an identity for every peer that has none: `identities` has one for each peer, in the order of
    /// `peers`. Identities that the file gives are kept.
    package func expanded(identities: [PeerIdentity]) -> SwarmTopology {
        precondition(identities.count == peers.count, "there is one identity for each peer")
        var topology = self
        for (index, identity) in identities.enumerated() where peers[index].id == nil {
            topology.peers[index].id = identity.id
            topology.peers[index].exchangeKey = identity.exchangeKey
        }
        return topology
    }
}
