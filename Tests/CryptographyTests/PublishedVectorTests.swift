import Cryptography
import Testing

/// Bytes from hexadecimal digits.
func bytes(_ digits: String) -> [UInt8] {
    let values = digits.compactMap(\.hexDigitValue)
    return stride(from: 0, to: values.count, by: 2).map { UInt8(values[$0] << 4 | values[$0 + 1]) }
}

@Suite("Published vectors")
struct PublishedVectorTests {
    @Test(
        "RFC 8032, section 7.1, tests 1 and 2",
        arguments: [
            (
                "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
            (
                "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
                "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ])
    func ed25519(seed: String, publicKey: String, message: String, signature: String) throws {
        let key = try SigningKey(seed: bytes(seed))
        #expect(key.publicKey == bytes(publicKey))
        #expect(key.seed == bytes(seed))
        #expect(key.signature(of: bytes(message)) == bytes(signature))
        #expect(Signature.isValid(bytes(signature), of: bytes(message), by: key.publicKey))
        var spoiled = bytes(signature)
        spoiled[7] ^= 1
        #expect(!Signature.isValid(spoiled, of: bytes(message), by: key.publicKey))
        #expect(!Signature.isValid(Array(spoiled.dropLast()), of: bytes(message), by: key.publicKey))
    }

    @Test("RFC 7748, section 5.2")
    func x25519() throws {
        let key = try ExchangeKey(
            secretBytes: bytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"))
        let secret = try key.sharedSecret(
            with: bytes("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"))
        #expect(secret == bytes("c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"))
        #expect(throws: CryptographyError.malformedInput) { try key.sharedSecret(with: Array(repeating: 0, count: 32)) }
        #expect(throws: CryptographyError.malformedInput) { try key.sharedSecret(with: [1, 2, 3]) }
    }

    @Test("RFC 7693, appendix A, and the reference's keyed vector")
    func blake2b() {
        let abc = Array("abc".utf8)
        let long = bytes(
            "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d17d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923"
        )
        #expect(Digest.blake2b512(abc) == long)
        #expect(
            Digest.blake2b256(abc) == bytes("bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319"))
        let keyed = bytes(
            "10ebb67700b1868efb4417987acf4690ae9d972fb7a590c2f02871799aaa4786b5e996e8f0f4eb981fc214b005f42d2ff4233499391653df7aefcbc13fc51568"
        )
        #expect(Digest.of([], byteCount: 64, key: Array(0..<64)) == keyed)
        var parts = Digest(byteCount: 64)
        for byte in abc { parts.update([byte]) }
        #expect(parts.finish() == long)
    }

    @Test("RFC 8439, appendix A.5")
    func chaCha20Poly1305() throws {
        let cipher = AuthenticatedCipher(
            key: bytes("1c9240a5eb55d38af333888604f6b5f0473917c1402b80099dca5cbc207075c0"))
        let ciphertext = bytes(
            """
            64a0861575861af460f062c79be643bd5e805cfd345cf389f108670ac76c8cb2
            4c6cfc18755d43eea09ee94e382d26b0bdb7b73c321b0100d4f03b7f355894cf
            332f830e710b97ce98c8a84abd0b948114ad176e008d33bd60f982b1ff37c855
            9797a06ef4f0ef61c186324e2b3506383606907b6a7c02b0f9f6157b53c867e4
            b9166c767b804d46a59b5216cde7a4e99040c5a40433225ee282a1b0a06c523e
            af4534d7f83fa1155b0047718cbc546a0d072b04b3564eea1b422273f548271a
            0bb2316053fa76991955ebd63159434ecebb4e466dae5a1073a6727627097a10
            49e617d91d361094fa68f0ff77987130305beaba2eda04df997b714d6c6f2c29
            a6ad5cb4022b02709beead9d67890cbb22392336fea1851f38
            """)
        let additional = bytes("f33388860000000000004e91")
        let plaintext = try cipher.open(ciphertext, additionalData: additional, counter: 0x0807_0605_0403_0201)
        #expect(String(decoding: plaintext, as: UTF8.self).hasPrefix("Internet-Drafts are draft documents valid"))
        #expect(plaintext.count == 265)
        #expect(cipher.seal(plaintext, additionalData: additional, counter: 0x0807_0605_0403_0201) == ciphertext)
    }

    @Test("HMAC-BLAKE2b-512 as Python's hmac module computes it")
    func authenticationCode() {
        #expect(
            KeyDerivation.authenticationCode(key: Array("key".utf8), message: Array("message".utf8))
                == bytes(
                    "04e9ada930688cde75eec939782eed653073dd621d7643f813702976257cf037d325b50eedd417c01b6ad1f978fbe2980a93d27d854044e8626df6fa279d6680"
                ))
    }

    @Test("Personalised and keyed digests as Python's hashlib computes them")
    func personalised() {
        #expect(
            Digest.blake2b256(Array("abc".utf8), personalisation: "murmur-leaf")
                == bytes("6f0b22ae22e4befb31f1951ba93e06828d1947251292b7848084f14bdfd01cce"))
        #expect(
            Digest.code(Array("abcd".utf8), count: 3, key: Array(0..<32)) == bytes("1a64be47e4729d951c302ee543f97cf3"))
    }
}
