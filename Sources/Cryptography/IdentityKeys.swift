import Basics

/// A peer's two key pairs, as they lie in a key file: three lines of text,
///
///     murmuration identity 1
///     signing 64 hexadecimal digits
///     exchange 64 hexadecimal digits
///
/// the digits being the Ed25519 seed and the X25519 secret key. Who holds the file is the peer.
package struct IdentityKeys: Sendable {
    package let signing: SigningKey
    /// The key that sessions are agreed with.
    package let exchange: ExchangeKey

    private static let title = "murmuration identity 1"

    package init(signing: SigningKey, exchange: ExchangeKey) {
        self.signing = signing
        self.exchange = exchange
    }

    /// New keys from `generator`, which must be the system's where they are to be secret.
    package static func generate(
        using generator: inout some RandomNumberGenerator
    ) throws(CryptographyError) -> IdentityKeys {
        IdentityKeys(
            signing: try SigningKey.generate(using: &generator), exchange: try ExchangeKey.generate(using: &generator))
    }

    /// The key file's text.
    package var text: String {
        "\(Self.title)\nsigning \(signing.seed.hexadecimal)\nexchange \(exchange.secretBytes.hexadecimal)\n"
    }

    /// The keys that a key file's `text` holds; empty lines and lines that start with `#` do not count.
    ///
    /// - Throws: `malformedInput` for anything else than the three lines.
    package init(text: String) throws(CryptographyError) {
        let lines = text.split(whereSeparator: \.isNewline)
            .map { $0.split(separator: " ").map(String.init) }
            .filter { !$0.isEmpty && !$0[0].hasPrefix("#") }
        guard lines.count == 3, lines[0].joined(separator: " ") == Self.title, lines[1].count == 2,
            lines[2].count == 2, lines[1][0] == "signing", lines[2][0] == "exchange",
            let seed = [UInt8](hexadecimal: lines[1][1]), let secret = [UInt8](hexadecimal: lines[2][1])
        else { throw .malformedInput }
        signing = try SigningKey(seed: seed)
        exchange = try ExchangeKey(secretBytes: secret)
    }
}
