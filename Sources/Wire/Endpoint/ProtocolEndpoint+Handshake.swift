package import Basics
import Cryptography

extension ProtocolEndpoint {
    /// Keeps a session with the peer from now on: a handshake is tried, with growing pauses, until it succeeds, and
    /// again whenever the association ends. A peer that is not on the allow list is ignored.
    package mutating func connect(
        to peer: PeerID, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        guard !isClosed, let id = connections.id(of: peer) else { return }
        connections[id].connect(&context, at: time, using: &generator)
    }

    /// Answers an initiation, if everything about it is right.
    mutating func receiveInitiation(
        _ datagram: Datagram, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        let bytes = datagram.bytes
        guard bytes.count >= HandshakePacket.initiationByteLimit else { return context.statistics.drop(.malformed) }
        // From here on each check costs more than the one before, so that a flood costs little (docs/threat-model.md,
        // "Floods of initiations").
        let isKnown = knownAddresses.contains(datagram.address)
        guard gate.isWorthChecking(isKnownAddress: isKnown, configuration: configuration, at: time, using: &generator)
        else { return context.statistics.drop(.initiationRate) }
        guard HandshakePacket.hasValidCode(bytes, codeKey: context.codeKey) else {
            return context.statistics.drop(.badCode)
        }
        guard let suite = CipherSuite(rawValue: bytes[1]), configuration.suites.contains(suite) else {
            return context.statistics.drop(.unknownSuite)
        }
        guard isAdmitted(datagram, at: time, using: &generator) else { return }
        var reader = ByteReader(bytes, range: 4..<bytes.count)
        guard let senderIndex = reader.integer(UInt32.self),
            let message = reader.bytes(count: HandshakePacket.initiationNoiseByteCount)
        else { return context.statistics.drop(.malformed) }
        var noise = NoiseHandshake.Responder(
            prologue: context.prologue, localStatic: local.exchangeKey, suite: suite)
        guard (try? noise.readIdentity(message)) != nil, let id = connections.id(ofKey: noise.remoteStatic),
            connections[id].standing.revocation == nil, let payload = try? noise.readPayload(message)
        else { return context.statistics.drop(.badHandshake) }
        var fields = ByteReader(payload)
        guard let timestamp = fields.integer(UInt64.self), let incarnation = fields.integer(UInt64.self) else {
            return context.statistics.drop(.malformed)
        }
        let incoming = IncomingHandshake(
            noise: noise, senderIndex: senderIndex, timestamp: timestamp, incarnation: incarnation,
            address: datagram.address)
        connections[id].receive(incoming, &context, at: time, using: &generator)
    }

    /// Whether an initiation whose first code is right is to be looked at. Under load its sender may be given a cookie
    /// instead, which is shorter than the initiation.
    private mutating func isAdmitted(
        _ datagram: Datagram, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) -> Bool {
        let bytes = datagram.bytes
        switch gate.judge(bytes, from: datagram.address, configuration: configuration, at: time, using: &generator) {
        case .admit:
            return true
        case .drop:
            context.statistics.drop(.initiationRate)
        case .ask(let cookie):
            context.statistics.drop(.cookieAsked)
            var reader = ByteReader(bytes, range: 4..<bytes.count)
            guard let senderIndex = reader.integer(UInt32.self), strays.count < Self.strayLimit else { break }
            let reply = CookieReply.packet(
                receiverIndex: senderIndex, cookie: cookie,
                nonce: generator.bytes(count: CookieReply.nonceByteCount), code: HandshakePacket.firstCode(bytes),
                key: cookieKey)
            strays.append(Datagram(address: datagram.address, bytes: reply))
        }
        return false
    }

    /// Datagrams at most that wait to be sent to those that there is no connection with.
    static let strayLimit = 256

    /// Takes the answer to our initiation: the session stands.
    mutating func receiveResponse(_ datagram: Datagram, at time: MonotonicTime) {
        let bytes = datagram.bytes
        guard bytes.count == HandshakePacket.responseByteCount else { return context.statistics.drop(.malformed) }
        guard HandshakePacket.hasValidCode(bytes, codeKey: context.codeKey) else {
            return context.statistics.drop(.badCode)
        }
        var reader = ByteReader(bytes, range: 4..<bytes.count)
        guard let senderIndex = reader.integer(UInt32.self), let receiverIndex = reader.integer(UInt32.self),
            let message = reader.bytes(count: HandshakePacket.responseNoiseByteCount)
        else { return context.statistics.drop(.malformed) }
        guard let id = context.routes[receiverIndex] else { return context.statistics.drop(.unexpectedResponse) }
        let adoption = connections[id].receiveResponse(
            message, senderIndex: senderIndex, receiverIndex: receiverIndex, &context, at: time)
        if let adoption { welcome(id, adoption, at: time) }
    }

    /// Keeps the cookie that answers our initiation.
    mutating func receiveCookie(_ datagram: Datagram, at time: MonotonicTime) {
        var reader = ByteReader(datagram.bytes)
        guard reader.range(count: 4) != nil, let receiverIndex = reader.integer(UInt32.self),
            let id = context.routes[receiverIndex]
        else { return context.statistics.drop(.unexpectedCookie) }
        connections[id].receiveCookie(datagram.bytes, receiverIndex: receiverIndex, &context, at: time)
    }

    /// A session with a peer has begun: tells it what is known of others, if it begins anew.
    mutating func welcome(_ id: ConnectionID, _ adoption: Adoption, at time: MonotonicTime) {
        if let address = connections[id].lastAddress { remember(address) }
        release(adoption.lost, from: id, at: time)
        if adoption.isNewAssociation {
            tellProofs(to: id)
            tellRecords(to: id, at: time)
        } else {
            renewRecord(at: time)
        }
        connections[id].markReady(&context)
    }
}
