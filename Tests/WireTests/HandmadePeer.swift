import Cryptography
import Wire

/// A peer that is written from docs/protocol.md alone, on nothing but the primitives and the Noise handshake: it checks
/// the page, and it lies where a test wants a member of the swarm to lie.
struct HandmadePeer {
    let keys: IdentityKeys
    let remoteExchangeKey: [UInt8]
    var noise: NoiseHandshake.Initiator
    let senderIndex: UInt32 = 0x0403_0201
    var receiverIndex: [UInt8] = []
    var send: AuthenticatedCipher?
    var receive: AuthenticatedCipher?
    var nextNumber: UInt64 = 0
    let preSharedKey: [UInt8]

    static func little<Integer: FixedWidthInteger>(_ value: Integer) -> [UInt8] {
        (0..<Integer.bitWidth / 8).map { UInt8(truncatingIfNeeded: value >> Integer($0 * 8)) }
    }

    static func integer(_ bytes: some Collection<UInt8>) -> UInt64 {
        bytes.reversed().reduce(0) { $0 << 8 | UInt64($1) }
    }

    init(
        keys: IdentityKeys, remoteExchangeKey: [UInt8], swarmIdentifier: [UInt8], preSharedKey: [UInt8],
        ephemeral: ExchangeKey
    ) {
        self.keys = keys
        self.remoteExchangeKey = remoteExchangeKey
        self.preSharedKey = preSharedKey
        noise = NoiseHandshake.Initiator(
            prologue: Array("murmuration/1".utf8) + swarmIdentifier, localStatic: keys.exchange, ephemeral: ephemeral,
            remoteStatic: remoteExchangeKey)
    }

    /// The initiation, 1200 bytes.
    mutating func initiation(timestamp: UInt64, incarnation: UInt64) throws -> [UInt8] {
        let payload = Self.little(timestamp) + Self.little(incarnation)
        var packet: [UInt8] = [1, 0, 0, 0] + Self.little(senderIndex) + (try noise.writeFirst(payload: payload))
        packet += Array(repeating: 0, count: 1168 - packet.count)
        let key = Digest.blake2b256(remoteExchangeKey, personalisation: "murmur-mac1")
        packet += Digest.of(packet, byteCount: 16, key: key)
        return packet + Array(repeating: 0, count: 16)
    }

    /// Takes the response.
    ///
    /// - Returns: the responder's incarnation.
    mutating func take(response: [UInt8]) throws -> UInt64 {
        receiverIndex = Array(response[4..<8])
        let payload = try noise.readSecond(Array(response[12..<68]), preSharedKey: preSharedKey)
        let ciphers = noise.split()
        send = ciphers.send
        receive = ciphers.receive
        return Self.integer(payload)
    }

    /// A data packet with `frames`, under the next number or a given one.
    mutating func packet(frames: [UInt8], number: UInt64? = nil) -> [UInt8] {
        let number = number ?? nextNumber
        nextNumber = number &+ 1
        var packet: [UInt8] = [4, 0, 0, 0] + receiverIndex + Self.little(number)
        packet += frames
        send!.seal(&packet, headerByteCount: 16, counter: number)
        return packet
    }

    /// The frames of a data packet.
    func frames(of packet: [UInt8]) throws -> [UInt8] {
        let header = Array(packet[..<16])
        return try receive!.open(
            Array(packet[16...]), additionalData: header, counter: Self.integer(header[8...]))
    }

    /// A control frame of `type`.
    static func control(_ type: UInt8, sequence: UInt64, body: [UInt8]) -> [UInt8] {
        [type] + little(sequence) + little(UInt16(body.count)) + body
    }

    /// The bodies of the PUSH frames of a small object.
    static func pushBodies(_ manifest: SignedManifest, payload: [UInt8]) -> [[UInt8]] {
        let all = little(UInt16(manifest.encoded.count)) + manifest.encoded + payload
        return stride(from: 0, to: all.count, by: 1099).map {
            [$0 == 0 ? 1 : 0] + all[$0..<min($0 + 1099, all.count)]
        }
    }
}
