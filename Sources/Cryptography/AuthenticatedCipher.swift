import CSodium
import Synchronization

/// ChaCha20-Poly1305 or AES-256-GCM under one key, with 64-bit counters as nonces: four zero bytes, then the counter, as
/// Noise has it (least significant byte first for ChaCha20-Poly1305, most significant first for AES-256-GCM).
///
/// Long packets, and all of AES, go through OpenSSL, the fastest of what was measured (docs/decisions/0020); its context
/// is made when the first one comes, so that the many sessions of a simulation do without. Short ones go through
/// libsodium, which needs nothing but the key. Where the processor takes four blocks of AES at once, AES goes through code
/// of our own instead (docs/decisions/0028).
///
/// The key lies in ordinary memory and is zeroed at the end: guard pages for each of the hundred thousand session keys
/// of a simulated swarm would exhaust the system's mappings. `@unchecked Sendable` is sound: the key is written once, by
/// the initialiser, and only read until it is freed; the context is behind a lock.
package final class AuthenticatedCipher: @unchecked Sendable {
    /// Bytes of a key.
    package static let keyByteCount = 32
    /// Bytes that sealing adds.
    package static let tagByteCount = 16
    /// Bytes from which on ChaCha20-Poly1305 goes through OpenSSL: below, there is little to gain.
    package static let longByteCount = 2048

    package let suite: CipherSuite

    private let key: UnsafeMutablePointer<UInt8>
    /// What stands for the key where the process pretends (`PretendedCryptography`); nil in earnest.
    private let pretence: UInt64?
    private let context = Mutex<RecordContext?>(nil)
    /// AES on processors with wide registers; nil elsewhere.
    private let vector: VectorCipher?

    /// A cipher under the first 32 bytes of `key`, of which there must be that many.
    package convenience init(key bytes: [UInt8], suite: CipherSuite = .chaCha20Poly1305) {
        self.init(key: bytes, suite: suite, usesVectors: VectorCipher.isAvailable)
    }

    /// The same; where `usesVectors` is false, AES goes through OpenSSL everywhere. For comparing the two.
    package init(key bytes: [UInt8], suite: CipherSuite, usesVectors: Bool) {
        precondition(bytes.count >= Self.keyByteCount, "a key has 32 bytes")
        precondition(Sodium.ready)
        pretence =
            PretendedCryptography.isOn ? bytes.withUnsafeBytes { PretendedCryptography.sum($0, seed: 2) } : nil
        self.suite = suite
        key = .allocate(capacity: Self.keyByteCount)
        for index in 0..<Self.keyByteCount {
            (key + index).initialize(to: bytes[index])
        }
        let isVector = suite == .aes256GCM && usesVectors && VectorCipher.isAvailable && pretence == nil
        vector = isVector ? VectorCipher(key: key) : nil
    }

    deinit {
        sodium_memzero(key, Self.keyByteCount)
        key.deallocate()
    }

    /// Seals a packet where it lies, from `start` to the array's end: its first `headerByteCount` bytes are authenticated,
    /// the rest is encrypted, the tag is appended. No allocation if the array has room for 16 more bytes. A counter must
    /// never be used twice.
    package func seal(_ packet: inout [UInt8], from start: Int = 0, headerByteCount: Int, counter: UInt64) {
        precondition(
            start >= 0 && headerByteCount >= 0 && headerByteCount <= packet.count - start,
            "the header lies in the packet")
        let plainByteCount = packet.count - start - headerByteCount
        // Before any pointer into the array is taken: appending may move it.
        packet.append(contentsOf: repeatElement(0, count: Self.tagByteCount))
        if let pretence {
            packet.withUnsafeMutableBytes { buffer in
                let end = start + headerByteCount + plainByteCount
                let sum = PretendedCryptography.sum(
                    UnsafeRawBufferPointer(rebasing: buffer[start..<end]), seed: pretence ^ counter)
                buffer.storeBytes(of: sum, toByteOffset: end, as: UInt64.self)
                buffer.storeBytes(of: ~sum, toByteOffset: end + 8, as: UInt64.self)
            }
            return
        }
        packet.withUnsafeMutableBufferPointer { buffer in
            withNonce(counter) { nonce in
                let base = buffer.baseAddress! + start
                let body = base + headerByteCount
                if let vector {
                    vector.seal(
                        body, count: plainByteCount, header: base, headerByteCount: headerByteCount, nonce: nonce)
                    return
                }
                if usesContext(plainByteCount) {
                    let isSealed = context.withLock { context in
                        if context == nil { context = RecordContext(suite: suite, key: key) }
                        return context?.seal(
                            body, count: plainByteCount, header: base, headerByteCount: headerByteCount, nonce: nonce)
                            ?? false
                    }
                    if isSealed { return }
                    // What could not be sealed must not leave in the clear.
                    precondition(suite == .chaCha20Poly1305, "the AES suite is spoken only where there is AES")
                }
                _ = crypto_aead_chacha20poly1305_ietf_encrypt_detached(
                    body, body + plainByteCount, nil, body, UInt64(plainByteCount), base, UInt64(headerByteCount), nil,
                    nonce, key)
            }
        }
    }

    /// Opens the packet that lies in `packet` at `range` (all of it where nil) into the start of `plaintext`, without an
    /// allocation: the first `headerByteCount` bytes are authenticated, the last 16 are the tag.
    ///
    /// - Returns: the number of bytes of plaintext; nil if the packet is too short, `plaintext` is too small or the tag
    ///   is not right (then `plaintext` may hold bytes that nobody vouches for).
    package func open(
        _ packet: [UInt8], range: Range<Int>? = nil, headerByteCount: Int, counter: UInt64,
        into plaintext: inout [UInt8]
    ) -> Int? {
        let range = range ?? 0..<packet.count
        precondition(range.lowerBound >= 0 && range.upperBound <= packet.count, "the range lies in the bytes")
        let sealedByteCount = range.count - headerByteCount
        guard headerByteCount >= 0, sealedByteCount >= Self.tagByteCount else { return nil }
        let plainByteCount = sealedByteCount - Self.tagByteCount
        // An empty array has no address, which the libraries want even for no bytes.
        guard plaintext.count >= plainByteCount, !plaintext.isEmpty else { return nil }
        if let pretence {
            return packet.withUnsafeBytes { buffer in
                let sealed = UnsafeRawBufferPointer(rebasing: buffer[range])
                let end = headerByteCount + plainByteCount
                let sum = PretendedCryptography.sum(
                    UnsafeRawBufferPointer(rebasing: sealed[..<end]), seed: pretence ^ counter)
                guard sealed.loadUnaligned(fromByteOffset: end, as: UInt64.self) == sum,
                    sealed.loadUnaligned(fromByteOffset: end + 8, as: UInt64.self) == ~sum
                else { return nil }
                plaintext.withUnsafeMutableBytes { target in
                    target.copyMemory(from: UnsafeRawBufferPointer(rebasing: sealed[headerByteCount..<end]))
                }
                return plainByteCount
            }
        }
        let isAuthentic = packet.withUnsafeBufferPointer { source in
            plaintext.withUnsafeMutableBufferPointer { target in
                withNonce(counter) { nonce in
                    let base = source.baseAddress! + range.lowerBound
                    let body = base + headerByteCount
                    if let vector {
                        return vector.open(
                            body, count: plainByteCount, header: base, headerByteCount: headerByteCount, nonce: nonce,
                            into: target.baseAddress!)
                    }
                    if usesContext(plainByteCount) {
                        let isAuthentic: Bool? = context.withLock { context in
                            if context == nil { context = RecordContext(suite: suite, key: key) }
                            return context?.open(
                                body, count: plainByteCount, header: base, headerByteCount: headerByteCount,
                                nonce: nonce, into: target.baseAddress!)
                        }
                        if let isAuthentic { return isAuthentic }
                        if suite != .chaCha20Poly1305 { return false }
                    }
                    return crypto_aead_chacha20poly1305_ietf_decrypt_detached(
                        target.baseAddress!, nil, body, UInt64(plainByteCount), body + plainByteCount, base,
                        UInt64(headerByteCount), nonce, key) == 0
                }
            }
        }
        return isAuthentic ? plainByteCount : nil
    }

    /// `plaintext` sealed, with `additionalData` authenticated beside it: handshakes use it.
    package func seal(_ plaintext: [UInt8], additionalData: [UInt8], counter: UInt64) -> [UInt8] {
        var packet = additionalData + plaintext
        seal(&packet, headerByteCount: additionalData.count, counter: counter)
        return Array(packet[additionalData.count...])
    }

    /// The plaintext of what `seal(_:additionalData:counter:)` gave.
    ///
    /// - Throws: `authenticationFailed` if the tag is not right, `malformedInput` if there is no room for one.
    package func open(
        _ ciphertext: [UInt8], additionalData: [UInt8], counter: UInt64
    ) throws(CryptographyError) -> [UInt8] {
        guard ciphertext.count >= Self.tagByteCount else { throw .malformedInput }
        var plaintext = [UInt8](repeating: 0, count: max(1, ciphertext.count - Self.tagByteCount))
        guard
            let count = open(
                additionalData + ciphertext, headerByteCount: additionalData.count, counter: counter, into: &plaintext)
        else { throw .authenticationFailed }
        return Array(plaintext.prefix(count))
    }

    private func usesContext(_ byteCount: Int) -> Bool {
        suite != .chaCha20Poly1305 || byteCount >= Self.longByteCount
    }

    /// Calls `body` with the 12 bytes of the nonce.
    private func withNonce<Result>(_ counter: UInt64, _ body: (UnsafePointer<UInt8>) -> Result) -> Result {
        let ordered = suite == .chaCha20Poly1305 ? counter.littleEndian : counter.bigEndian
        let words = (
            UInt32(0), UInt32(truncatingIfNeeded: ordered), UInt32(truncatingIfNeeded: ordered >> 32)
        )
        return withUnsafeBytes(of: words) { body($0.baseAddress!.assumingMemoryBound(to: UInt8.self)) }
    }
}

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
