import Basics
import Cryptography
import Testing

@Suite("Records")
struct RecordTests {
    @Test("AES-256-GCM as another library computes it")
    func gcm() throws {
        // Key and data of test case 16 of the GCM specification, under a counter; computed with Python's `cryptography`.
        let cipher = AuthenticatedCipher(
            key: bytes("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"), suite: .aes256GCM)
        let header = bytes("feedfacedeadbeeffeedfacedeadbeefabaddad2")
        let plaintext = bytes(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
        )
        let sealed = cipher.seal(plaintext, additionalData: header, counter: 0x0102_0304_0506_0708)
        #expect(
            sealed
                == bytes(
                    "b1b79828d09247ae27ef9f7bcf223c1178d0f8196508e9bd6023d76de5ea61f2d20a71bf6d957a99beb93765eabbd80ba5b815b087a4b440bc2ef89cdb8664fe8ae6c59b81883a2ca57cfbc3"
                ))
        #expect(try cipher.open(sealed, additionalData: header, counter: 0x0102_0304_0506_0708) == plaintext)
    }

    @Test("AES on wide registers gives the packets of the library, whatever their lengths")
    func wideRegisters() throws {
        var generator = SeededGenerator(seed: 3)
        for byteCount in Array(0...530) + [1168, 2047, 8920, 65_491] {
            let key = generator.bytes(count: 32)
            let own = AuthenticatedCipher(key: key, suite: .aes256GCM)
            let library = AuthenticatedCipher(key: key, suite: .aes256GCM, usesVectors: false)
            let plain = generator.bytes(count: byteCount)
            let header = generator.bytes(count: byteCount % 3 == 0 ? 16 : byteCount % 71)
            let counter = generator.next()
            let sealed = own.seal(plain, additionalData: header, counter: counter)
            #expect(sealed == library.seal(plain, additionalData: header, counter: counter), "\(byteCount) bytes")
            #expect(try own.open(sealed, additionalData: header, counter: counter) == plain)
            #expect(try library.open(sealed, additionalData: header, counter: counter) == plain)
            // Every byte of the tag counts.
            for position in sealed.count - 16..<sealed.count {
                var altered = sealed
                altered[position] ^= 0x80
                #expect(throws: CryptographyError.self) {
                    try own.open(altered, additionalData: header, counter: counter)
                }
            }
        }
    }

    @Test("Both libraries give the same packets of ChaCha20-Poly1305")
    func longAndShort() throws {
        var generator = SeededGenerator(seed: 1)
        let key = generator.bytes(count: 32)
        // Long packets go through another library than short ones; a stream cipher's long packet starts with its short one.
        let long = generator.bytes(count: 8000)
        let sealedLong = AuthenticatedCipher(key: key).seal(long, additionalData: [1], counter: 7)
        let sealedShort = AuthenticatedCipher(key: key).seal(Array(long[..<2000]), additionalData: [1], counter: 7)
        #expect(sealedLong[..<2000] == sealedShort[..<2000])
        #expect(try AuthenticatedCipher(key: key).open(sealedLong, additionalData: [1], counter: 7) == long)
    }

    @Test(
        "A packet that was altered anywhere does not open", arguments: CipherSuite.allCases, [1, 100, 1168, 2048, 8920])
    func alterations(suite: CipherSuite, byteCount: Int) {
        var generator = SeededGenerator(seed: UInt64(byteCount))
        let cipher = AuthenticatedCipher(key: generator.bytes(count: 32), suite: suite)
        let plain = generator.bytes(count: byteCount)
        var packet = generator.bytes(count: 16) + plain
        cipher.seal(&packet, headerByteCount: 16, counter: 5)
        var target = [UInt8](repeating: 0, count: 9000)
        #expect(cipher.open(packet, headerByteCount: 16, counter: 5, into: &target) == byteCount)
        #expect(Array(target[..<byteCount]) == plain)
        #expect(cipher.open(packet, headerByteCount: 16, counter: 6, into: &target) == nil)
        for position in Set((0..<200).map { _ in Int.random(in: 0..<packet.count, using: &generator) }) {
            var altered = packet
            altered[position] ^= 1 << UInt8.random(in: 0..<8, using: &generator)
            #expect(cipher.open(altered, headerByteCount: 16, counter: 5, into: &target) == nil)
        }
    }

    @Test("One cipher used from many tasks at once")
    func concurrency() async {
        let cipher = AuthenticatedCipher(key: Array(repeating: 3, count: 32), suite: .aes256GCM)
        let plain = [UInt8](repeating: 9, count: 5000)
        let first = cipher.seal(plain, additionalData: [], counter: 1)
        let all = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<8 {
                group.addTask {
                    (0..<200).allSatisfy { _ in cipher.seal(plain, additionalData: [], counter: 1) == first }
                }
            }
            return await group.allSatisfy { $0 }
        }
        #expect(all)
    }

    @Test("Pieces hashed together have the digests that they have alone", arguments: [128, 4096, 65_536, 100])
    func pieces(byteCount: Int) {
        var generator = SeededGenerator(seed: 2)
        let data = generator.bytes(count: 21 * byteCount + 5)
        for count in [0, 1, 3, 8, 9, 16, 21] {
            let offsets = (0..<count).map { $0 * byteCount + $0 % 5 }
            let together = Digest.ofPieces(data, at: offsets, byteCount: byteCount, personalisation: "murmur-leaf")
            let alone = offsets.flatMap {
                Digest.of(data, range: $0..<$0 + byteCount, personalisation: "murmur-leaf")
            }
            #expect(together == alone, "\(count) pieces")
        }
    }
}
