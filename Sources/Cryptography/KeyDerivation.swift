/// HMAC (RFC 2104) over BLAKE2b-512, and the HKDF that the Noise protocol framework builds from it (revision 34,
/// section 4.3).
package enum KeyDerivation {
    /// HMAC-BLAKE2b-512 of `message` under `key`, 64 bytes. Keys longer than a block are not needed and refused.
    package static func authenticationCode(key: [UInt8], message: [UInt8]) -> [UInt8] {
        precondition(key.count <= Digest.blockByteCount, "an HMAC key here has at most one block")
        var inner = [UInt8](repeating: 0x36, count: Digest.blockByteCount)
        var outer = [UInt8](repeating: 0x5c, count: Digest.blockByteCount)
        defer {
            wipe(&inner)
            wipe(&outer)
        }
        // A key shorter than a block is padded with zeros, which leave the pad bytes as they are.
        for (index, byte) in key.enumerated() {
            inner[index] ^= byte
            outer[index] ^= byte
        }
        var first = Digest(byteCount: Digest.longByteCount)
        first.update(inner)
        first.update(message)
        var second = Digest(byteCount: Digest.longByteCount)
        second.update(outer)
        second.update(first.finish())
        return second.finish()
    }

    /// `count` keys of 64 bytes (two or three) from a chaining key and new key material.
    package static func derive(chainingKey: [UInt8], material: [UInt8], count: Int) -> [[UInt8]] {
        precondition((1...3).contains(count), "Noise derives at most three keys at once")
        var temporary = authenticationCode(key: chainingKey, message: material)
        defer { wipe(&temporary) }
        var keys: [[UInt8]] = []
        for index in 1...count {
            // Each key is fed into the next, with a counter from one behind it.
            keys.append(authenticationCode(key: temporary, message: (keys.last ?? []) + [UInt8(index)]))
        }
        return keys
    }
}
