import CSodium

/// An X25519 key pair (RFC 7748): with it sessions are agreed on. Apart from the identity, so that it can be replaced
/// without a new identity.
package final class ExchangeKey: Sendable {
    /// Bytes of a secret key, a public key and a shared secret.
    package static let byteCount = 32

    /// The public key, 32 bytes.
    package let publicKey: [UInt8]

    private let secret: SecretBytes

    /// The key that 32 stored `secretBytes` give.
    ///
    /// - Throws: `malformedInput` unless there are 32 bytes, `unavailable` where no memory can be protected.
    package init(secretBytes: [UInt8]) throws(CryptographyError) {
        guard secretBytes.count == Self.byteCount else { throw .malformedInput }
        guard Sodium.ready else { throw .unavailable }
        if PretendedCryptography.isOn {
            publicKey = secretBytes
            secret = try SecretBytes(secretBytes)
            return
        }
        var publicKey = [UInt8](repeating: 0, count: Self.byteCount)
        guard crypto_scalarmult_base(&publicKey, secretBytes) == 0 else { throw .malformedInput }
        self.publicKey = publicKey
        secret = try SecretBytes(secretBytes)
    }

    /// A new key from `generator`, which must be the system's where the key is to be secret.
    package static func generate(
        using generator: inout some RandomNumberGenerator
    ) throws(CryptographyError) -> ExchangeKey {
        var bytes = generator.bytes(count: byteCount)
        defer { wipe(&bytes) }
        return try ExchangeKey(secretBytes: bytes)
    }

    /// The 32 bytes that `init(secretBytes:)` takes, to be stored.
    package var secretBytes: [UInt8] { secret.copied() }

    /// The 32-byte secret shared with the holder of `publicKey`. Wipe it after use.
    ///
    /// - Throws: `malformedInput` for a wrong length and for points of small order, whose result would be all zeros.
    package func sharedSecret(with publicKey: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard publicKey.count == Self.byteCount else { throw .malformedInput }
        if PretendedCryptography.isOn { return PretendedCryptography.sharedSecret(self.publicKey, publicKey) }
        var result = [UInt8](repeating: 0, count: Self.byteCount)
        let status = secret.withBytes { key in
            crypto_scalarmult(&result, key.baseAddress!.assumingMemoryBound(to: UInt8.self), publicKey)
        }
        guard status == 0 else { throw .malformedInput }
        return result
    }
}
