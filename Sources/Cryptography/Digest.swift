import CLeafHash
import CSodium

/// BLAKE2b (RFC 7693), incremental, with an optional key and an optional personalisation that keeps uses apart.
///
/// The state is one of libsodium's, which wants an alignment of 64 bytes, so it has memory of its own; it is zeroed at
/// the end. `@unchecked Sendable` is sound: the memory has one owner, and only mutating calls touch it.
package struct Digest: ~Copyable, @unchecked Sendable {
    /// Bytes of the digest that names things: 256 bits.
    package static let byteCount = 32
    /// Bytes of the longest digest: 512 bits, which Noise uses.
    package static let longByteCount = 64
    /// Bytes of BLAKE2b's block, which HMAC needs.
    package static let blockByteCount = 128

    private let memory: UnsafeMutableRawPointer
    private let outputByteCount: Int

    private var state: OpaquePointer { OpaquePointer(memory) }

    /// A digest of `byteCount` bytes (16 to 64). `key` has at most 64 bytes, `personalisation` at most 16 bytes of
    /// UTF-8, zeros after.
    package init(byteCount: Int = Digest.byteCount, key: [UInt8] = [], personalisation: String = "") {
        precondition(
            (16...64).contains(byteCount) && key.count <= 64, "BLAKE2b gives 16 to 64 bytes, keys of at most 64")
        precondition(Sodium.ready)
        outputByteCount = byteCount
        memory = .allocate(byteCount: crypto_generichash_blake2b_statebytes(), alignment: 64)
        let personal = Self.padded(personalisation)
        crypto_generichash_blake2b_init_salt_personal(
            OpaquePointer(memory), key.isEmpty ? nil : key, key.count, byteCount, nil, personal)
    }

    deinit {
        sodium_memzero(memory, crypto_generichash_blake2b_statebytes())
        memory.deallocate()
    }

    /// Takes in `bytes`.
    package mutating func update(_ bytes: [UInt8]) {
        crypto_generichash_blake2b_update(state, bytes, UInt64(bytes.count))
    }

    /// Takes in the part of `bytes` at `range`, without a copy.
    package mutating func update(_ bytes: [UInt8], range: Range<Int>) {
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "the range lies in the bytes")
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress, !range.isEmpty else { return }
            _ = crypto_generichash_blake2b_update(state, base + range.lowerBound, UInt64(range.count))
        }
    }

    /// Takes in `bytes`, without a copy.
    package mutating func update(_ bytes: ArraySlice<UInt8>) {
        bytes.withUnsafeBufferPointer { buffer in
            guard let base = buffer.baseAddress, !buffer.isEmpty else { return }
            _ = crypto_generichash_blake2b_update(state, base, UInt64(buffer.count))
        }
    }

    /// The digest of all that was taken in. The value must not be used after.
    package mutating func finish() -> [UInt8] {
        var result = [UInt8](repeating: 0, count: outputByteCount)
        crypto_generichash_blake2b_final(state, &result, outputByteCount)
        return result
    }

    /// Sixteen bytes of personalisation: UTF-8, then zeros.
    static func padded(_ personalisation: String) -> [UInt8] {
        let bytes = Array(personalisation.utf8)
        precondition(bytes.count <= 16, "a personalisation has at most 16 bytes")
        return bytes + Array(repeating: 0, count: 16 - bytes.count)
    }
}

extension Digest {
    /// The digest of `bytes` at `range` (all of them where nil), in one go: `byteCount` bytes under an optional key.
    package static func of(
        _ bytes: [UInt8], range: Range<Int>? = nil, byteCount: Int = Digest.byteCount, key: [UInt8] = [],
        personalisation: String = ""
    ) -> [UInt8] {
        let range = range ?? 0..<bytes.count
        precondition(range.lowerBound >= 0 && range.upperBound <= bytes.count, "the range lies in the bytes")
        precondition(
            (16...64).contains(byteCount) && key.count <= 64, "BLAKE2b gives 16 to 64 bytes, keys of at most 64")
        precondition(Sodium.ready)
        let personal = padded(personalisation)
        var result = [UInt8](repeating: 0, count: byteCount)
        bytes.withUnsafeBufferPointer { buffer in
            _ = crypto_generichash_blake2b_salt_personal(
                &result, byteCount, buffer.baseAddress.map { $0 + range.lowerBound }, UInt64(range.count),
                key.isEmpty ? nil : key, key.count, nil, personal)
        }
        return result
    }

    /// The 32-byte digest of `bytes`.
    package static func blake2b256(_ bytes: [UInt8], personalisation: String = "") -> [UInt8] {
        of(bytes, personalisation: personalisation)
    }

    /// The 64-byte digest of `bytes`.
    package static func blake2b512(_ bytes: [UInt8]) -> [UInt8] {
        of(bytes, byteCount: longByteCount)
    }

    /// BLAKE2b's own keyed mode with 16 bytes of output over the first `count` bytes of `bytes`: a message
    /// authentication code.
    package static func code(_ bytes: [UInt8], count: Int, key: [UInt8]) -> [UInt8] {
        of(bytes, range: 0..<count, byteCount: 16, key: key)
    }
}

extension Digest {
    /// The 32-byte digests of pieces of `bytes`, one after the other: `byteCount` bytes at each of `offsets`. Where the
    /// processor has wide registers eight pieces are hashed at once, three times as fast as one after the other.
    package static func ofPieces(
        _ bytes: [UInt8], at offsets: [Int], byteCount: Int, personalisation: String
    ) -> [UInt8] {
        for offset in offsets {
            precondition(offset >= 0 && byteCount >= 0 && offset <= bytes.count - byteCount, "pieces lie in the bytes")
        }
        var digests = [UInt8](repeating: 0, count: offsets.count * Digest.byteCount)
        let lanes = Int(murmur_leaf_lanes())
        var done = 0
        // The kernel knows no last block that is not whole; odd pieces go one by one.
        if lanes > 0, byteCount > 0, byteCount % blockByteCount == 0 {
            let personal = padded(personalisation)
            bytes.withUnsafeBufferPointer { source in
                digests.withUnsafeMutableBufferPointer { target in
                    while offsets.count - done >= lanes {
                        let messages = (done..<done + lanes).map { Optional(source.baseAddress! + offsets[$0]) }
                        murmur_leaf_hashes(
                            messages, byteCount, personal, target.baseAddress! + done * Digest.byteCount)
                        done += lanes
                    }
                }
            }
        }
        for index in done..<offsets.count {
            let digest = of(
                bytes, range: offsets[index]..<offsets[index] + byteCount, personalisation: personalisation)
            digests.overwrite(at: index * Digest.byteCount, with: digest, range: 0..<Digest.byteCount)
        }
        return digests
    }

    /// Pieces that are hashed at once; 1 where they are hashed one after the other.
    package static var piecesAtOnce: Int { max(1, Int(murmur_leaf_lanes())) }
}
