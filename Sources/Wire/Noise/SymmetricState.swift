import Cryptography

/// The Noise framework's symmetric state (revision 34, section 5.2) for BLAKE2b and one of the ciphers.
struct SymmetricState: Sendable {
    /// The transcript's digest, 64 bytes.
    private(set) var hash: [UInt8]
    private var chainingKey: [UInt8]
    private var cipher: AuthenticatedCipher?
    private var counter: UInt64 = 0
    private let suite: CipherSuite

    /// The state for a protocol `name` of at most 64 bytes, whose cipher is that of `suite`.
    init(protocolName name: String, suite: CipherSuite) {
        self.suite = suite
        let bytes = Array(name.utf8)
        precondition(bytes.count <= Digest.longByteCount, "a Noise protocol name here has at most 64 bytes")
        // A name that is no longer than a digest is padded with zeros, not hashed (Noise, revision 34, section 5.2).
        hash = bytes + Array(repeating: 0, count: Digest.longByteCount - bytes.count)
        chainingKey = hash
    }

    /// Takes `data` into the transcript.
    mutating func mixHash(_ data: [UInt8]) {
        hash = Digest.blake2b512(hash + data)
    }

    /// Takes key material into the chain; what follows is encrypted under a new key.
    mutating func mixKey(_ material: [UInt8]) {
        let keys = KeyDerivation.derive(chainingKey: chainingKey, material: material, count: 2)
        replaceChainingKey(keys[0])
        cipher = AuthenticatedCipher(key: keys[1], suite: suite)
        counter = 0
    }

    /// Takes the pre-shared key into the chain and the transcript.
    mutating func mixKeyAndHash(_ material: [UInt8]) {
        let keys = KeyDerivation.derive(chainingKey: chainingKey, material: material, count: 3)
        replaceChainingKey(keys[0])
        mixHash(keys[1])
        cipher = AuthenticatedCipher(key: keys[2], suite: suite)
        counter = 0
    }

    /// `plaintext` encrypted under the present key, and taken into the transcript.
    mutating func encryptAndHash(_ plaintext: [UInt8]) -> [UInt8] {
        guard let cipher else {
            mixHash(plaintext)
            return plaintext
        }
        let ciphertext = cipher.seal(plaintext, additionalData: hash, counter: counter)
        counter += 1
        mixHash(ciphertext)
        return ciphertext
    }

    /// The plaintext of `ciphertext`, which is taken into the transcript.
    mutating func decryptAndHash(_ ciphertext: [UInt8]) throws(CryptographyError) -> [UInt8] {
        guard let cipher else {
            mixHash(ciphertext)
            return ciphertext
        }
        let plaintext = try cipher.open(ciphertext, additionalData: hash, counter: counter)
        counter += 1
        mixHash(ciphertext)
        return plaintext
    }

    /// The ciphers of the two directions: the initiator's first. Wipes the chain.
    mutating func split() -> (initiator: AuthenticatedCipher, responder: AuthenticatedCipher) {
        var keys = KeyDerivation.derive(chainingKey: chainingKey, material: [], count: 2)
        let ciphers = (
            AuthenticatedCipher(key: keys[0], suite: suite), AuthenticatedCipher(key: keys[1], suite: suite)
        )
        wipe(&keys[0])
        wipe(&keys[1])
        wipe(&chainingKey)
        cipher = nil
        return ciphers
    }

    private mutating func replaceChainingKey(_ key: [UInt8]) {
        wipe(&chainingKey)
        chainingKey = key
    }
}
