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

/// What all peers of a swarm share: the swarm's identifier, and the pre-shared key that is mixed into every handshake.
///
/// Where the swarm has no secret file, the key is derived from its name and seed. Then it is NOT secret: it only keeps
/// swarms apart, and who may speak is decided by the allow list of identities alone.
package struct SwarmSecret: Sendable {
    /// The swarm's identifier, 32 bytes: in every manifest, and bound into every handshake.
    package let identifier: [UInt8]
    /// Whether there is a secret behind the key.
    package let isSecret: Bool

    private let key: Key

    /// A class, so that the value can be copied while the protected bytes are not.
    private final class Key: Sendable {
        let bytes: SecretBytes

        init(_ bytes: [UInt8]) throws(CryptographyError) {
            self.bytes = try SecretBytes(bytes)
        }
    }

    /// The secret of the swarm `name` with `seed`; `secret` is the content of the secret file, of any length.
    ///
    /// - Throws: `malformedInput` for an empty secret, `unavailable` where no memory can be protected.
    package init(name: String, seed: UInt64, secret: [UInt8]? = nil) throws(CryptographyError) {
        var identity = Array(name.utf8)
        identity.append(integer: seed)
        identifier = Digest.blake2b256(identity, personalisation: "murmur-swarm")
        isSecret = secret != nil
        if let secret {
            guard !secret.isEmpty else { throw .malformedInput }
            var bytes = Digest.blake2b256(secret, personalisation: "murmur-psk")
            defer { wipe(&bytes) }
            key = try Key(bytes)
        } else {
            key = try Key(Digest.blake2b256(identity, personalisation: "murmur-open-psk"))
        }
    }

    /// The pre-shared key, 32 bytes, in ordinary memory: wipe it after use.
    var preSharedKey: [UInt8] { key.bytes.copied() }
}
