import COpenSSL

/// One of OpenSSL's cipher contexts under one key. It seals and opens in place, without an allocation, and about twice as
/// fast as libsodium on long packets (docs/decisions/0020). OpenSSL zeroes it when it is freed.
///
/// `@unchecked Sendable` is sound: the context has one owner, and is touched only by calls on it.
struct RecordContext: ~Copyable, @unchecked Sendable {
    private let context: OpaquePointer

    /// The ciphers as the library has them; nil where it lacks one.
    private struct Algorithm: @unchecked Sendable {
        // Sound: made once, never changed, never freed.
        let pointer: OpaquePointer?
    }

    private static let chaCha20Poly1305 = Algorithm(pointer: EVP_CIPHER_fetch(nil, "ChaCha20-Poly1305", nil))
    private static let aes256GCM = Algorithm(pointer: EVP_CIPHER_fetch(nil, "AES-256-GCM", nil))

    private static func algorithm(_ suite: CipherSuite) -> OpaquePointer? {
        switch suite {
        case .chaCha20Poly1305: chaCha20Poly1305.pointer
        case .aes256GCM: aes256GCM.pointer
        }
    }

    /// Whether the library has the suite's cipher.
    static func supports(_ suite: CipherSuite) -> Bool { algorithm(suite) != nil }

    /// A context under the 32 bytes at `key`; nil if the library lacks the cipher or memory.
    init?(suite: CipherSuite, key: UnsafePointer<UInt8>) {
        guard let algorithm = Self.algorithm(suite), let context = EVP_CIPHER_CTX_new() else { return nil }
        guard EVP_CipherInit_ex(context, algorithm, nil, key, nil, 1) == 1 else {
            EVP_CIPHER_CTX_free(context)
            return nil
        }
        self.context = context
    }

    deinit {
        EVP_CIPHER_CTX_free(context)
    }

    /// Encrypts `count` bytes at `body` where they lie, and writes the tag behind them.
    mutating func seal(
        _ body: UnsafeMutablePointer<UInt8>, count: Int, header: UnsafePointer<UInt8>, headerByteCount: Int,
        nonce: UnsafePointer<UInt8>
    ) -> Bool {
        var length: Int32 = 0
        return EVP_CipherInit_ex(context, nil, nil, nil, nonce, 1) == 1
            && EVP_CipherUpdate(context, nil, &length, header, Int32(headerByteCount)) == 1
            && EVP_CipherUpdate(context, body, &length, body, Int32(count)) == 1
            && EVP_CipherFinal_ex(context, body + count, &length) == 1
            && EVP_CIPHER_CTX_ctrl(
                context, EVP_CTRL_AEAD_GET_TAG, Int32(AuthenticatedCipher.tagByteCount), body + count) == 1
    }

    /// Decrypts `count` bytes at `body`, the tag lying behind them, to `target`.
    ///
    /// - Returns: whether the tag is right. Where it is not, `target` holds bytes that nobody vouches for.
    mutating func open(
        _ body: UnsafePointer<UInt8>, count: Int, header: UnsafePointer<UInt8>, headerByteCount: Int,
        nonce: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        var length: Int32 = 0
        let tag = UnsafeMutablePointer(mutating: body + count)
        return EVP_CipherInit_ex(context, nil, nil, nil, nonce, 0) == 1
            && EVP_CIPHER_CTX_ctrl(
                context, EVP_CTRL_AEAD_SET_TAG, Int32(AuthenticatedCipher.tagByteCount), tag) == 1
            && EVP_CipherUpdate(context, nil, &length, header, Int32(headerByteCount)) == 1
            && EVP_CipherUpdate(context, target, &length, body, Int32(count)) == 1
            && EVP_CipherFinal_ex(context, target + count, &length) == 1
    }
}
