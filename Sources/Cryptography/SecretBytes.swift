import CSodium
import Synchronization

/// Bytes that are worth stealing: on pages of their own between guard pages, locked into memory where the system
/// allows it, and zeroed when they are let go. Never copied implicitly.
///
/// The first two thousand of a process do; beyond them (a simulation of thousands of peers) the bytes lie in ordinary
/// memory, zeroed all the same, as each such page uses up several of the mappings that the system allows a process.
///
/// `@unchecked Sendable` is sound: the memory is written only by initialisers, before anyone else can see it, and freed
/// by the only owner.
package struct SecretBytes: ~Copyable, @unchecked Sendable {
    package let count: Int

    /// Whether the bytes lie on pages of their own.
    package let isGuarded: Bool

    private let memory: UnsafeMutableRawPointer
    private static let guardedCount = Atomic<Int>(0)
    private static let guardedLimit = 2048

    /// A protected copy of `bytes`. The caller's array stays as it is: wipe it with `wipe(_:)`.
    package init(_ bytes: [UInt8]) throws(CryptographyError) {
        guard Sodium.ready else { throw .unavailable }
        // Counted before it is asked for, so that threads together cannot pass the limit.
        let isWithinLimit = Self.guardedCount.add(1, ordering: .relaxed).newValue <= Self.guardedLimit
        let guarded = isWithinLimit ? sodium_malloc(max(1, bytes.count)) : nil
        if guarded == nil { Self.guardedCount.subtract(1, ordering: .relaxed) }
        let memory = guarded ?? .allocate(byteCount: max(1, bytes.count), alignment: 16)
        isGuarded = guarded != nil
        bytes.withUnsafeBytes { source in
            if let base = source.baseAddress { memory.copyMemory(from: base, byteCount: source.count) }
        }
        if isGuarded { sodium_mprotect_readonly(memory) }
        self.memory = memory
        count = bytes.count
    }

    /// A copy in ordinary memory, for key files and key derivation.
    package func copied() -> [UInt8] {
        withBytes { Array($0) }
    }

    /// Calls `body` with the bytes.
    func withBytes<Result>(_ body: (UnsafeRawBufferPointer) throws -> Result) rethrows -> Result {
        try body(UnsafeRawBufferPointer(start: memory, count: count))
    }

    deinit {
        if isGuarded {
            sodium_free(memory)
            Self.guardedCount.subtract(1, ordering: .relaxed)
        } else {
            sodium_memzero(memory, count)
            memory.deallocate()
        }
    }
}

/// Zeroes `bytes` in a way that the compiler does not remove.
package func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { buffer in
        if let base = buffer.baseAddress { sodium_memzero(base, buffer.count) }
    }
}

/// Whether two byte strings are equal, in a time that depends on their lengths only.
package func equalInConstantTime(_ left: [UInt8], _ right: [UInt8]) -> Bool {
    guard left.count == right.count else { return false }
    guard !left.isEmpty else { return true }
    return left.withUnsafeBytes { a in
        right.withUnsafeBytes { b in sodium_memcmp(a.baseAddress!, b.baseAddress!, a.count) == 0 }
    }
}

extension RandomNumberGenerator {
    /// `count` bytes from the generator, eight a call, least significant first. For keys the generator must be the
    /// system's; a seeded one gives reproducible keys for simulations and tests.
    package mutating func bytes(count: Int) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(count)
        while result.count < count {
            var word = next()
            for _ in 0..<min(8, count - result.count) {
                result.append(UInt8(truncatingIfNeeded: word))
                word >>= 8
            }
        }
        return result
    }
}

/// Why a cryptographic operation was refused. It never says more, so that nothing about a secret leaks.
package enum CryptographyError: Error, Sendable, Hashable {
    /// A key, a signature or a tag has the wrong length or is not a valid encoding.
    case malformedInput
    /// The tag or the signature is not that of this message under this key.
    case authenticationFailed
    /// The library could not be initialised or had no memory to lock.
    case unavailable
}

/// The library's one-time initialisation: every entry into it goes through `Sodium.ready`.
enum Sodium {
    /// True once the library is initialised; it stops the process if that fails, as nothing could be secret then.
    static let ready: Bool = {
        precondition(sodium_init() >= 0, "libsodium could not be initialised: is there a source of randomness?")
        return true
    }()
}
