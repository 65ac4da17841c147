package import Cryptography

/// `Noise_IKpsk2_25519_ChaChaPoly_BLAKE2b` or `Noise_IKpsk2_25519_AESGCM_BLAKE2b`, both sides:
///
///     <- s
///     ...
///     -> e, es, s, ss
///     <- e, ee, se, psk
package enum NoiseHandshake {
    /// The protocol's name, which starts the transcript: who takes one suite for another computes another transcript, and
    /// nothing decrypts.
    package static func protocolName(_ suite: CipherSuite) -> String {
        "Noise_IKpsk2_25519_\(suite.noiseName)_BLAKE2b"
    }
    /// What the first message is longer than its payload: e, encrypted s with a tag, the payload's tag.
    package static let firstOverhead = 32 + 48 + 16
    /// What the second message is longer than its payload: e, the payload's tag.
    package static let secondOverhead = 32 + 16

    /// The side that begins.
    package struct Initiator: Sendable {
        private var state: SymmetricState
        private let localStatic: ExchangeKey
        private let ephemeral: ExchangeKey
        private let remoteStatic: [UInt8]

        /// A handshake with the holder of `remoteStatic`. The `ephemeral` key must be new for every handshake.
        package init(
            prologue: [UInt8], localStatic: ExchangeKey, ephemeral: ExchangeKey, remoteStatic: [UInt8],
            suite: CipherSuite = .chaCha20Poly1305
        ) {
            state = SymmetricState(protocolName: protocolName(suite), suite: suite)
            self.localStatic = localStatic
            self.ephemeral = ephemeral
            self.remoteStatic = remoteStatic
            state.mixHash(prologue)
            // The pattern's pre-message, `<- s`: the initiator knows the key beforehand.
            state.mixHash(remoteStatic)
        }

        /// The first message with an encrypted payload.
        package mutating func writeFirst(payload: [UInt8]) throws(CryptographyError) -> [UInt8] {
            var message = ephemeral.publicKey
            state.mixHash(ephemeral.publicKey)
            // In patterns with a pre-shared key `e` goes into the chain, too (Noise, revision 34, section 9.2).
            state.mixKey(ephemeral.publicKey)
            try state.mixSecret(of: ephemeral, with: remoteStatic)
            message += state.encryptAndHash(localStatic.publicKey)
            try state.mixSecret(of: localStatic, with: remoteStatic)
            message += state.encryptAndHash(payload)
            return message
        }

        /// The second message's payload, under the pre-shared key.
        package mutating func readSecond(
            _ message: [UInt8], preSharedKey: [UInt8]
        ) throws(CryptographyError) -> [UInt8] {
            guard message.count >= secondOverhead else { throw .malformedInput }
            let remoteEphemeral = Array(message[..<32])
            state.mixHash(remoteEphemeral)
            state.mixKey(remoteEphemeral)
            try state.mixSecret(of: ephemeral, with: remoteEphemeral)
            try state.mixSecret(of: localStatic, with: remoteEphemeral)
            state.mixKeyAndHash(preSharedKey)
            return try state.decryptAndHash(Array(message[32...]))
        }

        /// The transcript's digest.
        package var handshakeHash: [UInt8] { state.hash }

        /// The session's ciphers.
        package mutating func split() -> (send: AuthenticatedCipher, receive: AuthenticatedCipher) {
            let ciphers = state.split()
            return (ciphers.initiator, ciphers.responder)
        }
    }

    /// The side that answers.
    package struct Responder: Sendable {
        private var state: SymmetricState
        private let localStatic: ExchangeKey
        private var remoteEphemeral: [UInt8] = []
        /// Who begins: known after the first message.
        package private(set) var remoteStatic: [UInt8] = []

        package init(prologue: [UInt8], localStatic: ExchangeKey, suite: CipherSuite = .chaCha20Poly1305) {
            state = SymmetricState(protocolName: protocolName(suite), suite: suite)
            self.localStatic = localStatic
            state.mixHash(prologue)
            state.mixHash(localStatic.publicKey)
        }

        /// The initiator's public key and nothing more: enough to drop strangers before the second key agreement.
        package mutating func readIdentity(_ message: [UInt8]) throws(CryptographyError) {
            guard message.count >= firstOverhead else { throw .malformedInput }
            remoteEphemeral = Array(message[..<32])
            state.mixHash(remoteEphemeral)
            state.mixKey(remoteEphemeral)
            try state.mixSecret(of: localStatic, with: remoteEphemeral)
            remoteStatic = try state.decryptAndHash(Array(message[32..<80]))
        }

        /// The first message's payload; after `readIdentity`.
        package mutating func readPayload(_ message: [UInt8]) throws(CryptographyError) -> [UInt8] {
            try state.mixSecret(of: localStatic, with: remoteStatic)
            return try state.decryptAndHash(Array(message[80...]))
        }

        /// The second message. The `ephemeral` key must be new for every handshake.
        package mutating func writeSecond(
            payload: [UInt8], ephemeral: ExchangeKey, preSharedKey: [UInt8]
        ) throws(CryptographyError) -> [UInt8] {
            var message = ephemeral.publicKey
            state.mixHash(ephemeral.publicKey)
            state.mixKey(ephemeral.publicKey)
            try state.mixSecret(of: ephemeral, with: remoteEphemeral)
            try state.mixSecret(of: ephemeral, with: remoteStatic)
            state.mixKeyAndHash(preSharedKey)
            message += state.encryptAndHash(payload)
            return message
        }

        /// The transcript's digest.
        package var handshakeHash: [UInt8] { state.hash }

        /// The session's ciphers.
        package mutating func split() -> (send: AuthenticatedCipher, receive: AuthenticatedCipher) {
            let ciphers = state.split()
            return (ciphers.responder, ciphers.initiator)
        }
    }
}

extension SymmetricState {
    /// Takes the secret that `key` shares with the holder of `publicKey` into the chain.
    fileprivate mutating func mixSecret(of key: ExchangeKey, with publicKey: [UInt8]) throws(CryptographyError) {
        var secret = try key.sharedSecret(with: publicKey)
        mixKey(secret)
        wipe(&secret)
    }
}
