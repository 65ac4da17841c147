import CRecordCipher

/// AES-256-GCM under one key on processors that take four blocks at once (docs/decisions/0028). The expanded key has memory
/// of its own, which is zeroed at the end.
///
/// `@unchecked Sendable` is sound: the expanded key is written once, by the initialiser, and only read until it is freed.
final class VectorCipher: @unchecked Sendable {
    private let expanded: UnsafeMutablePointer<murmur_gcm>

    /// Whether this processor is one of them.
    static let isAvailable = murmur_gcm_is_available() == 1

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
}
