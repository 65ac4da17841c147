import Basics
import Cryptography
import Testing

@Suite("Keys, secrets and the cipher")
struct KeyTests {
    @Test func keysComeFromTheGenerator() throws {
        var first = SeededGenerator(seed: 4)
        var second = SeededGenerator(seed: 4)
        let keys = try IdentityKeys.generate(using: &first)
        let same = try IdentityKeys.generate(using: &second)
        let other = try IdentityKeys.generate(using: &second)
        #expect(keys.signing.publicKey == same.signing.publicKey)
        #expect(keys.exchange.publicKey == same.exchange.publicKey)
        #expect(keys.signing.publicKey != other.signing.publicKey)
    }

    @Test func keyFileRoundTrip() throws {
        var generator = SeededGenerator(seed: 9)
        let keys = try IdentityKeys.generate(using: &generator)
        let read = try IdentityKeys(text: "# mine\n\n" + keys.text)
        #expect(read.signing.publicKey == keys.signing.publicKey)
        #expect(read.exchange.secretBytes == keys.exchange.secretBytes)
        for text in ["", "murmuration identity 2\n", keys.text.replacing("signing", with: "sign"), keys.text + "x y\n"]
        {
            #expect(throws: CryptographyError.malformedInput) { try IdentityKeys(text: text) }
        }
    }

    @Test func secretsKeepTheirBytes() throws {
        let secret = try SecretBytes([1, 2, 3])
        #expect(secret.count == 3)
        #expect(secret.copied() == [1, 2, 3])
        var plain: [UInt8] = [4, 5, 6]
        wipe(&plain)
        #expect(plain == [0, 0, 0])
        #expect(equalInConstantTime([1, 2], [1, 2]))
        #expect(!equalInConstantTime([1, 2], [1, 3]))
        #expect(!equalInConstantTime([1, 2], [1]))
    }

    @Test("Thousands of keys in one process: a simulation has them")
    func manyKeys() throws {
        var generator = SeededGenerator(seed: 1)
        let keys = try (0..<5000).map { _ in try SigningKey.generate(using: &generator) }
        let last = try #require(keys.last)
        #expect(Signature.isValid(last.signature(of: [1]), of: [1], by: last.publicKey))
    }

    @Test func everyAlterationIsNoticed() throws {
        let cipher = AuthenticatedCipher(key: Array(repeating: 7, count: 32))
        var packet: [UInt8] = Array(0..<40)
        cipher.seal(&packet, headerByteCount: 16, counter: 5)
        #expect(packet.count == 56)
        #expect(Array(packet[..<16]) == Array(0..<16))
        var plaintext = [UInt8](repeating: 0, count: 64)
        #expect(cipher.open(packet, headerByteCount: 16, counter: 5, into: &plaintext) == 24)
        #expect(Array(plaintext[..<24]) == Array(16..<40))
        #expect(cipher.open(packet, headerByteCount: 16, counter: 6, into: &plaintext) == nil)
        for position in packet.indices {
            var altered = packet
            altered[position] ^= 0x10
            #expect(cipher.open(altered, headerByteCount: 16, counter: 5, into: &plaintext) == nil)
        }
        var small = [UInt8](repeating: 0, count: 23)
        #expect(cipher.open(packet, headerByteCount: 16, counter: 5, into: &small) == nil)
        #expect(cipher.open([1, 2], headerByteCount: 16, counter: 5, into: &plaintext) == nil)
    }
}
