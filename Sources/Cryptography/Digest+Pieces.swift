import CLeafHash

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
