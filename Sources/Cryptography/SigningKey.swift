import CSodium
import Synchronization

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

/// Verification of Ed25519 signatures.
package enum Signature {
    /// Bytes of a signature.
    package static let byteCount = 64

    /// Whether `signature` is that of `message` under `publicKey`. Wrong lengths and keys of small order are not valid.
    package static func isValid(_ signature: [UInt8], of message: [UInt8], by publicKey: [UInt8]) -> Bool {
        guard signature.count == byteCount, publicKey.count == Int(crypto_sign_PUBLICKEYBYTES), Sodium.ready else {
            return false
        }
        if PretendedCryptography.isOn {
            return signature == PretendedCryptography.signature(of: message, by: publicKey)
        }
        return SignatureMemory.isValid(signature, of: message, by: publicKey) {
            crypto_sign_verify_detached(signature, message, UInt64(message.count), publicKey) == 0
        }
    }
}

/// Signatures that were found valid in this process, by a 256-bit digest of key, message and signature.
///
/// For processes that many peers live in: in a simulated swarm every neighbour of an origin checks the very same signature,
/// and whether it is valid does not depend on who asks. Off unless it is asked for; a peer's own process has no use for it.
package enum SignatureMemory {
    /// Signatures that are remembered; then the memory begins anew.
    private static let limit = 16_384
    private static let isOn = Atomic<Bool>(false)
    private static let known = Mutex<Set<[UInt8]>>([])

    /// Remembers from now on.
    package static func begin() { isOn.store(true, ordering: .relaxed) }

    /// Whether the signature is valid: what `check` says, or said.
    static func isValid(
        _ signature: [UInt8], of message: [UInt8], by publicKey: [UInt8], check: () -> Bool
    ) -> Bool {
        guard isOn.load(ordering: .relaxed) else { return check() }
        var digest = Digest()
        digest.update(publicKey)
        digest.update(signature)
        digest.update(message)
        let name = digest.finish()
        if known.withLock({ $0.contains(name) }) { return true }
        // Only what is valid is remembered: forged signatures must not push real ones out.
        guard check() else { return false }
        known.withLock { known in
            if known.count >= limit { known.removeAll(keepingCapacity: true) }
            known.insert(name)
        }
        return true
    }
}
