package import Basics
package import Cryptography

/// A peer's own word where it can be reached, signed with its identity: any peer may pass it on, and a newer one takes an
/// older one's place. It names the exchange key too, so that both keys are bound to one identity.
///
/// It never changes and may lie in many tables: its parts are stored once, behind one reference.
package struct PeerRecord: Sendable, Hashable {
    /// What a record says.
    package struct Content: Sendable, Hashable {
        /// The swarm's identifier, 32 bytes.
        package var swarm: [UInt8]
        /// Whose record it is.
        package var peer: PeerID
        /// Its X25519 public key, 32 bytes.
        package var exchangeKey: [UInt8]
        /// Grows with every record of the peer, also from one start to the next: nanoseconds, a timestamp as in handshakes.
        package var sequence: UInt64
        /// For how many seconds from its timestamp on it holds, at most `lifeLimit`.
        package var life: UInt32
        /// Where the peer listens, the preferred first: one to four numeric addresses.
        package var addresses: [NetworkAddress]

        package init(
            swarm: [UInt8], peer: PeerID, exchangeKey: [UInt8], sequence: UInt64, life: UInt32,
            addresses: [NetworkAddress]
        ) {
            self.swarm = swarm
            self.peer = peer
            self.exchangeKey = exchangeKey
            self.sequence = sequence
            self.life = life
            self.addresses = addresses
        }

        /// The moment from which on it no longer holds, on the scale of its timestamp.
        var expiry: UInt64 {
            let (end, overflow) = sequence.addingReportingOverflow(UInt64(life) * 1_000_000_000)
            return overflow ? .max : end
        }
    }

    /// Addresses of a record, at most.
    package static let addressLimit = 4
    /// Seconds that a record holds, at most: 30 days.
    package static let lifeLimit: UInt32 = 2_592_000
    /// Bytes of an address's text, at most.
    static let hostByteLimit = 45
    static let version: UInt8 = 1

    private static let domain = Array("murmuration-peer-record-v1\0".utf8)

    private final class Parts: Sendable {
        let content: Content
        let signature: [UInt8]

        init(_ content: Content, signature: [UInt8]) {
            self.content = content
            self.signature = signature
        }
    }

    private let parts: Parts

    /// What is signed.
    package var content: Content { parts.content }
    /// Ed25519 over the domain prefix and the layout, 64 bytes.
    package var signature: [UInt8] { parts.signature }

    package static func == (left: PeerRecord, right: PeerRecord) -> Bool {
        left.parts === right.parts
            || left.parts.content == right.parts.content && left.parts.signature == right.parts.signature
    }

    package func hash(into hasher: inout Hasher) { hasher.combine(parts.signature) }

    /// `content` signed with the peer's `key`, which must be that of its identity; one to four numeric addresses in the form
    /// that sockets give, and a life within the limit.
    package init(_ content: Content, signedWith key: SigningKey) {
        precondition(key.publicKey == content.peer.bytes, "a record is signed by its peer")
        precondition(content.isSound, "a record keeps to its layout")
        parts = Parts(content, signature: key.signature(of: Self.domain + content.encoded))
    }

    /// The layout and the signature: docs/protocol.md, "Peer records".
    package var encoded: [UInt8] { content.encoded + signature }

    /// The record that `bytes` hold, its signature checked; nil for anything else.
    ///
    /// - Parameter isOfUse: is asked before the signature is checked, which is most of the work.
    package init?(encoded bytes: [UInt8], isOfUse: (Content) -> Bool = { _ in true }) {
        guard let content = Content(signed: bytes), isOfUse(content) else { return nil }
        let signature = Array(bytes.suffix(Signature.byteCount))
        guard
            Signature.isValid(
                signature, of: Self.domain + bytes.dropLast(Signature.byteCount), by: content.peer.bytes)
        else { return nil }
        parts = Parts(content, signature: signature)
    }
}

extension PeerRecord.Content {
    /// Version, swarm, identity, exchange key, timestamp, seconds, and the addresses.
    var encoded: [UInt8] {
        var bytes = [PeerRecord.version]
        bytes += swarm
        bytes += peer.bytes
        bytes += exchangeKey
        bytes.append(integer: sequence)
        bytes.append(integer: life)
        bytes.append(UInt8(addresses.count))
        for address in addresses {
            bytes.append(integer: address.port)
            bytes.append(UInt8(address.host.utf8.count))
            bytes += Array(address.host.utf8)
        }
        return bytes
    }

    /// Whether the addresses are numeric and in the one form that sockets give, and everything is within the limits.
    var isSound: Bool {
        swarm.count == 32 && exchangeKey.count == 32 && life <= PeerRecord.lifeLimit
            && (1...PeerRecord.addressLimit).contains(addresses.count)
            && addresses.allSatisfy {
                $0.port > 0 && $0.host.utf8.count <= PeerRecord.hostByteLimit
                    && NetworkAddress.canonicalHost($0.host) == $0.host
            }
    }

    /// What the record in `bytes`, whose signature is not looked at, says; nil for anything that does not keep to the layout.
    init?(signed bytes: [UInt8]) {
        guard bytes.count > Signature.byteCount else { return nil }
        var reader = ByteReader(bytes, range: 0..<bytes.count - Signature.byteCount)
        guard reader.byte() == PeerRecord.version, let swarm = reader.bytes(count: 32),
            let peer = reader.bytes(count: PeerID.byteCount).flatMap({ PeerID(bytes: $0) }),
            let exchangeKey = reader.bytes(count: 32), let sequence = reader.integer(UInt64.self),
            let life = reader.integer(UInt32.self), let count = reader.byte(), count <= PeerRecord.addressLimit
        else { return nil }
        var addresses: [NetworkAddress] = []
        for _ in 0..<count {
            guard let port = reader.integer(UInt16.self), let length = reader.byte(),
                let host = reader.bytes(count: Int(length)), host.allSatisfy({ $0 < 0x80 })
            else { return nil }
            addresses.append(NetworkAddress(host: String(decoding: host, as: UTF8.self), port: port))
        }
        guard reader.remaining == 0 else { return nil }
        self.init(
            swarm: swarm, peer: peer, exchangeKey: exchangeKey, sequence: sequence, life: life, addresses: addresses)
        guard isSound else { return nil }
    }
}
