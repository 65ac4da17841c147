import Basics
import Cryptography

/// The two handshake packets' layouts: docs/protocol.md, "Handshake packets".
enum HandshakePacket {
    /// Bytes of the two codes at a handshake packet's end.
    static let codesByteCount = 32
    /// The initiation's payload: timestamp and incarnation.
    static let initiationPayloadByteCount = 16
    /// Bytes before an initiation's Noise message.
    static let initiationHeaderByteCount = 8
    /// Bytes before a response's Noise message.
    static let responseHeaderByteCount = 12
    /// Bytes of an initiation's Noise message.
    static let initiationNoiseByteCount = NoiseHandshake.firstOverhead + initiationPayloadByteCount
    /// Bytes of a response's Noise message, whose payload is the responder's incarnation.
    static let responseNoiseByteCount = NoiseHandshake.secondOverhead + 8
    static let responseByteCount = responseHeaderByteCount + responseNoiseByteCount + codesByteCount
    /// Bytes of an initiation, at least: so that no answer is longer than its question.
    static let initiationByteLimit = 1200

    /// The key of the first code in handshake packets to the holder of `exchangeKey`.
    static func codeKey(for exchangeKey: [UInt8]) -> [UInt8] {
        Digest.blake2b256(exchangeKey, personalisation: "murmur-mac1")
    }

    /// An initiation of `byteCount` bytes, padded with zeros; with a cookie the second code is made, too.
    static func initiation(
        suite: CipherSuite, senderIndex: UInt32, noise: [UInt8], byteCount: Int, codeKey: [UInt8], cookie: [UInt8]?
    ) -> [UInt8] {
        var bytes: [UInt8] = [PacketType.initiation.rawValue, suite.rawValue, 0, 0]
        bytes.reserveCapacity(byteCount)
        bytes.append(integer: senderIndex)
        bytes += noise
        bytes += Array(repeating: 0, count: max(initiationByteLimit, byteCount) - codesByteCount - bytes.count)
        return sealed(bytes, codeKey: codeKey, cookie: cookie)
    }

    static func response(senderIndex: UInt32, receiverIndex: UInt32, noise: [UInt8], codeKey: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [PacketType.response.rawValue, 0, 0, 0]
        bytes.append(integer: senderIndex)
        bytes.append(integer: receiverIndex)
        bytes += noise
        return sealed(bytes, codeKey: codeKey)
    }

    /// Whether the first code of a handshake packet is right: its sender knows whom it speaks to.
    static func hasValidCode(_ bytes: [UInt8], codeKey: [UInt8]) -> Bool {
        guard bytes.count > codesByteCount else { return false }
        let covered = bytes.count - codesByteCount
        return equalInConstantTime(
            Digest.code(bytes, count: covered, key: codeKey), Array(bytes[covered..<covered + 16]))
    }

    /// Whether the second code of an initiation is made with `cookie`.
    static func hasValidSecondCode(_ bytes: [UInt8], cookie: [UInt8]) -> Bool {
        guard bytes.count > codesByteCount else { return false }
        let covered = bytes.count - 16
        return equalInConstantTime(Digest.code(bytes, count: covered, key: cookie), Array(bytes[covered...]))
    }

    /// The first code of a handshake packet, which must be longer than its codes.
    static func firstCode(_ bytes: [UInt8]) -> [UInt8] {
        Array(bytes[(bytes.count - codesByteCount)..<(bytes.count - 16)])
    }

    private static func sealed(_ bytes: [UInt8], codeKey: [UInt8], cookie: [UInt8]? = nil) -> [UInt8] {
        let coded = bytes + Digest.code(bytes, count: bytes.count, key: codeKey)
        // The second code is all zeros until a peer under load asks for it with a cookie.
        guard let cookie else { return coded + Array(repeating: 0, count: 16) }
        return coded + Digest.code(coded, count: coded.count, key: cookie)
    }
}

/// The answer of a peer under load to an initiation: a cookie, sealed for who sent the initiation, that shows with the
/// next one that its sender receives what is sent to its address. Layout: docs/protocol.md, "Cookie".
enum CookieReply {
    /// How long a cookie holds, at least; twice as long at most.
    static let cookieLife = Duration.seconds(120)
    /// Type and zeros, receiver index, nonce, sealed cookie.
    static let byteCount = 8 + nonceByteCount + 32
    static let nonceByteCount = 24
    static let cookieByteCount = 16

    /// The key under which cookies from the holder of `exchangeKey` are sealed.
    static func key(for exchangeKey: [UInt8]) -> [UInt8] {
        Digest.blake2b256(exchangeKey, personalisation: "murmur-cookie")
    }

    /// The reply to an initiation with the first code `code`.
    static func packet(receiverIndex: UInt32, cookie: [UInt8], nonce: [UInt8], code: [UInt8], key: [UInt8]) -> [UInt8] {
        var bytes: [UInt8] = [PacketType.cookie.rawValue, 0, 0, 0]
        bytes.append(integer: receiverIndex)
        bytes += nonce
        return bytes + cipher(nonce: nonce, key: key).seal(cookie, additionalData: code, counter: 0)
    }

    /// The cookie in a reply to our initiation with the first code `code`; nil if it is not one.
    static func open(_ bytes: [UInt8], code: [UInt8], key: [UInt8]) -> [UInt8]? {
        guard bytes.count == byteCount else { return nil }
        let nonce = Array(bytes[8..<8 + nonceByteCount])
        return try? cipher(nonce: nonce, key: key).open(
            Array(bytes[(8 + nonceByteCount)...]), additionalData: code, counter: 0)
    }

    // A key of its own for every nonce: 24 random bytes do not repeat.
    private static func cipher(nonce: [UInt8], key: [UInt8]) -> AuthenticatedCipher {
        AuthenticatedCipher(key: Digest.of(nonce, key: key))
    }
}
