import CSodium

/// The ciphers that a session can be under. The numbers stand in handshake packets.
package enum CipherSuite: UInt8, Sendable, Hashable, CaseIterable {
    /// ChaCha20-Poly1305 (RFC 8439), which is fast on every processor.
    case chaCha20Poly1305 = 0
    /// AES-256-GCM (NIST SP 800-38D), which is faster where the processor has instructions for it.
    case aes256GCM = 1

    /// What the Noise framework calls the cipher.
    package var noiseName: String {
        switch self {
        case .chaCha20Poly1305: "ChaChaPoly"
        case .aes256GCM: "AESGCM"
        }
    }

    /// What this machine should speak, the fastest first: AES only where the processor has instructions for it, as
    /// without them it is slow.
    package static let ofThisMachine: [CipherSuite] = {
        precondition(Sodium.ready)
        let isFast = crypto_aead_aes256gcm_is_available() == 1 && RecordContext.supports(.aes256GCM)
        return isFast ? [.aes256GCM, .chaCha20Poly1305] : [.chaCha20Poly1305]
    }()
}
