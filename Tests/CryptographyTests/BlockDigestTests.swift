import Basics
import Cryptography
import Testing

@Suite struct BlockDigestTests {
    /// The definition, word by word: every block by itself, in the order of the blocks.
    static func defined(_ bytes: [UInt8]) -> [UInt8] {
        var digests: [UInt8] = []
        digests.append(integer: UInt64(bytes.count))
        for start in stride(from: 0, to: bytes.count, by: 65_536) {
            digests += Digest.blake2b256(
                Array(bytes[start..<min(start + 65_536, bytes.count)]), personalisation: "murmur-block")
        }
        return Digest.blake2b256(digests, personalisation: "of a test")
    }

    /// Lengths about a block, and about the eight that are hashed together, in pieces of any length.
    @Test(arguments: [0, 1, 65_535, 65_536, 65_537, 524_287, 524_288, 524_289, 1_200_000]) func pieces(count: Int) {
        var generator = SeededGenerator(seed: UInt64(count))
        let bytes = (0..<count).map { _ in UInt8.random(in: 0...255, using: &generator) }
        let expected = Self.defined(bytes)
        for length in [7_777, 65_536, 1 << 20, max(1, count)] {
            var digest = BlockDigest(personalisation: "of a test")
            for start in stride(from: 0, to: count, by: length) {
                digest.update(bytes[start..<min(start + length, count)])
            }
            #expect(digest.finish() == expected, "in pieces of \(length)")
        }
    }
}
