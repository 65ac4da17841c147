import CRecordCipher

/// AES-256-GCM under one key on processors that take four blocks at once (docs/decisions/0028). The expanded key has memory
/// of its own, which is zeroed at the end.
///
/// `@unchecked Sendable` is sound: the expanded key is written once, by the initialiser, and only read until it is freed.
final class VectorCipher: @unchecked Sendable {
    private let expanded: UnsafeMutablePointer<murmur_gcm>

    /// Whether this processor is one of them, and gives what OpenSSL gives: compared once in every process, so that a
    /// processor or compiler that the tests have not seen costs speed and nothing else.
    static let isAvailable = murmur_gcm_is_available() == 1 && agreesWithLibrary()

    /// A cipher under the 32 bytes at `key`.
    init(key: UnsafePointer<UInt8>) {
        expanded = .allocate(capacity: 1)
        expanded.initialize(to: murmur_gcm())
        murmur_gcm_begin(expanded, key)
    }

    deinit {
        murmur_gcm_end(expanded)
        expanded.deallocate()
    }

    /// Encrypts `count` bytes at `body` where they lie, and writes the tag behind them.
    func seal(
        _ body: UnsafeMutablePointer<UInt8>, count: Int, header: UnsafePointer<UInt8>, headerByteCount: Int,
        nonce: UnsafePointer<UInt8>
    ) {
        murmur_gcm_seal(expanded, nonce, header, headerByteCount, body, count, body + count)
    }

    /// Decrypts `count` bytes at `body`, the tag lying behind them, to `target`.
    ///
    /// - Returns: whether the tag is right. Where it is not, `target` holds bytes that nobody vouches for.
    func open(
        _ body: UnsafePointer<UInt8>, count: Int, header: UnsafePointer<UInt8>, headerByteCount: Int,
        nonce: UnsafePointer<UInt8>, into target: UnsafeMutablePointer<UInt8>
    ) -> Bool {
        murmur_gcm_open(expanded, nonce, header, headerByteCount, body, count, body + count, target) == 1
    }

    /// Whether sealing and opening some lengths gives what the library gives.
    private static func agreesWithLibrary() -> Bool {
        let key = (0..<32).map { UInt8($0 &* 7 &+ 1) }
        let nonce = (0..<12).map { UInt8($0 &+ 100) }
        let header = (0..<16).map { UInt8($0 &* 3) }
        guard var library = RecordContext(suite: .aes256GCM, key: key) else { return false }
        let own = VectorCipher(key: key)
        for count in [0, 1, 16, 255, 256, 1168] {
            let plain = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 11) }
            var expected = plain + [UInt8](repeating: 0, count: AuthenticatedCipher.tagByteCount)
            var sealed = expected
            var opened = [UInt8](repeating: 0, count: max(1, count))
            let isSealed = expected.withUnsafeMutableBufferPointer {
                library.seal(
                    $0.baseAddress!, count: count, header: header, headerByteCount: header.count, nonce: nonce)
            }
            sealed.withUnsafeMutableBufferPointer {
                own.seal($0.baseAddress!, count: count, header: header, headerByteCount: header.count, nonce: nonce)
            }
            let isOpened = own.open(
                sealed, count: count, header: header, headerByteCount: header.count, nonce: nonce, into: &opened)
            guard isSealed, isOpened, sealed == expected, opened.prefix(count) == plain[...] else { return false }
        }
        return true
    }
}
