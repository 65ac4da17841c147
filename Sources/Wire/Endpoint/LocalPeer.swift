package import Cryptography
package import Overlay

/// The peer that this process is.
package struct LocalPeer: Sendable {
    /// Its identity: the public half of `signingKey`.
    package let id: PeerID
    /// The key that its manifests are signed with.
    package let signingKey: SigningKey
    /// The key that its sessions are agreed with.
    package let exchangeKey: ExchangeKey

    package init(signingKey: SigningKey, exchangeKey: ExchangeKey) {
        id = PeerID(bytes: signingKey.publicKey)!
        self.signingKey = signingKey
        self.exchangeKey = exchangeKey
    }

    package init(_ keys: IdentityKeys) {
        self.init(signingKey: keys.signing, exchangeKey: keys.exchange)
    }
}
