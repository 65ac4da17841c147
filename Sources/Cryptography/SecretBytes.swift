import CSodium

/// Bytes that are worth stealing: on pages of their own between guard pages, locked into memory where the system
/// allows it, and zeroed when they are let go. Never copied implicitly.
///
/// `@unchecked Sendable` is sound: the memory is written only by initialisers, before anyone else can see it, and freed
/// by the only owner.
package struct SecretBytes: ~Copyable, @unchecked Sendable {
    /// The number of bytes.
    package let count: Int

    private let memory: UnsafeMutableRawPointer

    /// A protected copy of `bytes`. The caller's array stays as it is: wipe it with `wipe(_:)`.
    package init(_ bytes: [UInt8]) throws(CryptographyError) {
        guard Sodium.ready, let memory = sodium_malloc(max(1, bytes.count)) else { throw .unavailable }
        bytes.withUnsafeBytes { source in
            if let base = source.baseAddress { memory.copyMemory(from: base, byteCount: source.count) }
        }
        sodium_mprotect_readonly(memory)
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
        sodium_free(memory)
    }
}

/// Zeroes `bytes` in a way that the compiler does not remove.
package func wipe(_ bytes: inout [UInt8]) {
    bytes.withUnsafeMutableBytes { buffer in
        if let base = buffer.baseAddress { sodium_memzero(base, buffer.count) }
    }
}
