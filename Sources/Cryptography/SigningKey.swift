import CSodium

/// An Ed25519 key pair (RFC 8032): a peer's identity.
package final class SigningKey: Sendable {
    /// Bytes of the seed that a key is made from and stored as.
    package static let seedByteCount = 32

    /// The public key, 32 bytes: the peer's identity.
    package let publicKey: [UInt8]

    /// libsodium's secret key: seed and public key, 64 bytes.
    private let secret: SecretBytes

    /// The key that a stored 32-byte `seed` gives.
    ///
    /// - Throws: `malformedInput` unless there are 32 bytes, `unavailable` where no memory can be protected.
    package init(seed: [UInt8]) throws(CryptographyError) {
        guard seed.count == Self.seedByteCount else { throw .malformedInput }
        guard Sodium.ready else { throw .unavailable }
        if PretendedCryptography.isOn {
            publicKey = PretendedCryptography.expand(seed, count: Int(crypto_sign_PUBLICKEYBYTES))
            secret = try SecretBytes(seed)
            return
        }
        var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
        var secret = [UInt8](repeating: 0, count: Int(crypto_sign_SECRETKEYBYTES))
        defer { wipe(&secret) }
        guard crypto_sign_seed_keypair(&publicKey, &secret, seed) == 0 else { throw .malformedInput }
        self.publicKey = publicKey
        self.secret = try SecretBytes(secret)
    }

    /// A new key from `generator`, which must be the system's where the key is to be secret.
    package static func generate(
        using generator: inout some RandomNumberGenerator
    ) throws(CryptographyError) -> SigningKey {
        var seed = generator.bytes(count: seedByteCount)
        defer { wipe(&seed) }
        return try SigningKey(seed: seed)
    }

    /// The 32 bytes that `init(seed:)` takes, to be stored.
    package var seed: [UInt8] {
        secret.withBytes { Array($0.prefix(Self.seedByteCount)) }
    }

    /// The 64-byte signature of `message`.
    package func signature(of message: [UInt8]) -> [UInt8] {
        if PretendedCryptography.isOn {
            return PretendedCryptography.signature(of: message, by: publicKey)
        }
        var signature = [UInt8](repeating: 0, count: Signature.byteCount)
        secret.withBytes { key in
            _ = crypto_sign_detached(
                &signature, nil, message, UInt64(message.count), key.baseAddress!.assumingMemoryBound(to: UInt8.self))
        }
        return signature
    }
}
