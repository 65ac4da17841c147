import Basics
import Cryptography

/// The answer of a peer under load to an initiation: a cookie, sealed for who sent the initiation, that shows with the
/// next one that its sender receives what is sent to its address. Layout: docs/protocol.md, "Cookie".
enum CookieReply {
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
