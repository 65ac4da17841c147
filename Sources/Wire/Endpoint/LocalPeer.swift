package import Basics
package import Cryptography

/// The peer that this process is.
package struct LocalPeer: Sendable {
    /// Its identity: the public half of `signingKey`.
    package let id: PeerID
    /// The key that its manifests are signed with.
    package let signingKey: SigningKey
    /// The key that its sessions are agreed with.
    package let exchangeKey: ExchangeKey
    /// Where it listens, the preferred first, as others are told in a signed record; empty if they are not told.
    package let addresses: [NetworkAddress]

    package init(signingKey: SigningKey, exchangeKey: ExchangeKey, addresses: [NetworkAddress] = []) {
        id = PeerID(bytes: signingKey.publicKey)!
        self.addresses = addresses
        self.signingKey = signingKey
        self.exchangeKey = exchangeKey
    }

    package init(_ keys: IdentityKeys, addresses: [NetworkAddress] = []) {
        self.init(signingKey: keys.signing, exchangeKey: keys.exchange, addresses: addresses)
    }
}
