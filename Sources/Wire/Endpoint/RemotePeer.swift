package import Basics

/// Another peer of the swarm: an entry of the allow list. Nobody else gets an answer.
package struct RemotePeer: Sendable, Hashable {
    /// Its identity.
    package let id: PeerID
    /// Its X25519 public key, 32 bytes.
    package let exchangeKey: [UInt8]
    /// Where it listens; nil if only it can reach us.
    package var address: NetworkAddress?

    package init(id: PeerID, exchangeKey: [UInt8], address: NetworkAddress?) {
        self.id = id
        self.exchangeKey = exchangeKey
        self.address = address
    }
}
