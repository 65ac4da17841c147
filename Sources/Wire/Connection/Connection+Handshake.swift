import Basics
import Cryptography

/// An initiation of ours that is not answered yet.
struct OutgoingHandshake: Sendable {
    let noise: NoiseHandshake.Initiator
    let localIndex: UInt32
    /// The first code of the packet, which a cookie refers to.
    let code: [UInt8]
    /// Where it was sent.
    let address: NetworkAddress
}

/// An initiation of the peer's that has proved to be its own.
struct IncomingHandshake: Sendable {
    let noise: NoiseHandshake.Responder
    /// The number by which the peer wants the session to be addressed.
    let senderIndex: UInt32
    let timestamp: UInt64
    let incarnation: UInt64
    /// Where it came from.
    let address: NetworkAddress
}

/// What the endpoint has to do when a session has begun.
struct Adoption: Sendable {
    /// Whether an association began with it: the peer is to be told what is known of others.
    let isNewAssociation: Bool
    /// Objects that the peer was asked for in an association that is gone.
    let lost: [ObjectID]
}

extension Connection {
    /// A session is wanted from now on: handshakes are tried until one succeeds, and again when the association ends.
    mutating func connect(
        _ context: inout ConnectionContext, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        guard standing.revocation == nil else { return }
        isWanted = true
        guard !isAssociated, handshake == nil else { return }
        startHandshake(&context, at: time, using: &generator)
    }

    /// Sends an initiation and sets the time of the next try.
    mutating func startHandshake(
        _ context: inout ConnectionContext, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        nextHandshake = nil
        guard let (address, suite) = handshakeTarget(context, at: time),
            let ephemeral = try? ExchangeKey.generate(using: &generator)
        else { return }
        // Only the answer to the last initiation counts.
        context.routes.release(handshake?.localIndex)
        var noise = NoiseHandshake.Initiator(
            prologue: context.prologue, localStatic: context.local.exchangeKey, ephemeral: ephemeral,
            remoteStatic: remote.exchangeKey, suite: suite)
        var payload: [UInt8] = []
        payload.append(integer: context.stamps.fresh(at: time))
        payload.append(integer: incarnation)
        // Fails only for a remote key of small order, which no topology holds on purpose.
        guard let message = try? noise.writeFirst(payload: payload) else { return }
        let localIndex = context.routes.claim(for: id, using: &generator)
        let packet = HandshakePacket.initiation(
            suite: suite, senderIndex: localIndex, noise: message, byteCount: context.configuration.datagramByteCount,
            codeKey: codeKey, cookie: freshCookie(at: time))
        handshake = OutgoingHandshake(
            noise: noise, localIndex: localIndex, code: HandshakePacket.firstCode(packet), address: address)
        sendOutside(Datagram(address: address, bytes: packet), &context)
        let pause = context.configuration.handshakeRetry * (1 << min(tries, 10))
        let jitter = Duration.milliseconds(Int64.random(in: 0..<100, using: &generator))
        nextHandshake = time + min(pause, context.configuration.handshakeRetryLimit) + jitter
        tries += 1
    }

    /// Where the next initiation goes, and under which suite: after some tries in vain the next place of those where the
    /// peer was seen last, where its record says, and where the allow list says; and as the one that does not speak a suite
    /// does not answer, every place with every suite.
    private func handshakeTarget(
        _ context: ConnectionContext, at time: MonotonicTime
    ) -> (address: NetworkAddress, suite: CipherSuite)? {
        var places: [NetworkAddress] = []
        func add(_ place: NetworkAddress?) {
            if let place, !places.contains(place) { places.append(place) }
        }
        add(lastAddress)
        if let content = standing.record?.content, content.expiry > context.stamps.wallClock(at: time) {
            for address in content.addresses { add(address) }
        }
        add(remote.address)
        guard !places.isEmpty else { return nil }
        let suites = context.configuration.suites
        let step = tries / max(1, context.configuration.triesPerSuite)
        // Both go on with every step: where one number divides the other, a place would meet the same suite each time.
        let turn = places.count % suites.count == 0 ? step / places.count : 0
        return (places[step % places.count], suites[(step + turn) % suites.count])
    }

    /// The cookie to show the peer, if it gave us one that still holds.
    private func freshCookie(at time: MonotonicTime) -> [UInt8]? {
        guard let cookie, time < cookie.time + CookieReply.cookieLife else { return nil }
        return cookie.bytes
    }

    /// Answers an initiation of the peer's, if it is newer than all before.
    mutating func receive(
        _ incoming: IncomingHandshake, _ context: inout ConnectionContext, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        guard incoming.timestamp <= context.stamps.latestBelievable(at: time) else {
            return context.statistics.drop(.futureInitiation)
        }
        guard incoming.timestamp > greatestTimestamp else { return context.statistics.drop(.staleInitiation) }
        // Whatever becomes of this initiation: the same one must not be looked at again.
        greatestTimestamp = incoming.timestamp
        context.hasNewMemory = true
        // Of two initiations that cross, that of the lesser identity goes first. After two tries ours gives way: it may
        // never arrive, where theirs just did.
        if handshake != nil {
            if tries <= 2, context.local.id < remote.id { return context.statistics.drop(.crossedInitiation) }
            nextHandshake = time + .seconds(1)
        }
        respond(to: incoming, &context, at: time, using: &generator)
    }

    private mutating func respond(
        to incoming: IncomingHandshake, _ context: inout ConnectionContext, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        var noise = incoming.noise
        var payload: [UInt8] = []
        payload.append(integer: incarnation)
        var key = context.swarm.preSharedKey
        defer { wipe(&key) }
        guard let ephemeral = try? ExchangeKey.generate(using: &generator),
            let message = try? noise.writeSecond(payload: payload, ephemeral: ephemeral, preSharedKey: key)
        else { return context.statistics.drop(.badHandshake) }
        // A later initiation takes the place of one whose session is not in use yet.
        sessions.dropNext(routes: &context.routes)
        let localIndex = context.routes.claim(for: id, using: &generator)
        let ciphers = noise.split()
        sessions.expect(
            Session(
                localIndex: localIndex, remoteIndex: incoming.senderIndex, sendCipher: ciphers.send,
                receiveCipher: ciphers.receive, isInitiator: false, established: time,
                remoteIncarnation: incoming.incarnation, address: incoming.address))
        let response = HandshakePacket.response(
            senderIndex: localIndex, receiverIndex: incoming.senderIndex, noise: message, codeKey: codeKey)
        sendOutside(Datagram(address: incoming.address, bytes: response), &context)
    }

    /// Takes the answer to our initiation: the session stands.
    ///
    /// - Parameters:
    ///   - message: its Noise message.
    ///   - senderIndex: the number by which the peer wants the session to be addressed.
    ///   - receiverIndex: the number that our initiation bore.
    mutating func receiveResponse(
        _ message: [UInt8], senderIndex: UInt32, receiverIndex: UInt32, _ context: inout ConnectionContext,
        at time: MonotonicTime
    ) -> Adoption? {
        guard let handshake, handshake.localIndex == receiverIndex else {
            context.statistics.drop(.unexpectedResponse)
            return nil
        }
        // A copy: a forged answer must not spoil the handshake for the true one.
        var noise = handshake.noise
        var key = context.swarm.preSharedKey
        defer { wipe(&key) }
        guard let payload = try? noise.readSecond(message, preSharedKey: key), payload.count == 8 else {
            context.statistics.drop(.badHandshake)
            return nil
        }
        var fields = ByteReader(payload)
        guard let incarnation = fields.integer(UInt64.self) else {
            context.statistics.drop(.malformed)
            return nil
        }
        let ciphers = noise.split()
        let session = Session(
            localIndex: receiverIndex, remoteIndex: senderIndex, sendCipher: ciphers.send,
            receiveCipher: ciphers.receive, isInitiator: true, established: time, remoteIncarnation: incarnation,
            // Where the initiation arrived, not where the answer seems to come from: anyone who got hold of the answer could
            // send it on and be taken for the other side. If it has moved, its packets will tell, and a challenge.
            address: handshake.address)
        let adoption = adopt(session, &context, at: time)
        // The other side uses the session only once it has seen a packet of it.
        association.pingPending = true
        return adoption
    }

    /// Keeps the cookie that answers our initiation: the next one shows it.
    mutating func receiveCookie(
        _ bytes: [UInt8], receiverIndex: UInt32, _ context: inout ConnectionContext, at time: MonotonicTime
    ) {
        guard let handshake, handshake.localIndex == receiverIndex,
            let bytes = CookieReply.open(bytes, code: handshake.code, key: CookieReply.key(for: remote.exchangeKey)),
            // A copy, or the same cookie once more: it ages from when it first came, whoever repeats it.
            cookie?.bytes != bytes
        else { return context.statistics.drop(.unexpectedCookie) }
        cookie = (bytes, time)
    }

    /// Makes `session` the one that packets are sent under.
    mutating func adopt(
        _ session: Session, _ context: inout ConnectionContext, at time: MonotonicTime
    ) -> Adoption {
        context.statistics.handshakesCompleted += 1
        sessions.use(session, routes: &context.routes)
        if let handshake, handshake.localIndex != session.localIndex { context.routes.release(handshake.localIndex) }
        handshake = nil
        nextHandshake = nil
        tries = 0
        lastAddress = session.address
        validation = nil
        var lost: [ObjectID] = []
        // Another incarnation has forgotten all that this association consists of.
        if isAssociated, association.remoteIncarnation != session.remoteIncarnation {
            lost = dissociate(&context, at: time)
            sessions.dropPrevious(routes: &context.routes)
            context.events.append(.disconnected(remote.id, .restarted))
        }
        let isNew = !isAssociated
        if isNew { associate(with: session.remoteIncarnation, &context, at: time) }
        return Adoption(isNewAssociation: isNew, lost: lost)
    }

    /// A handshake that is under way, either way, leads nowhere; a session is not wanted any more.
    mutating func abandonHandshakes(_ context: inout ConnectionContext) {
        isWanted = false
        context.routes.release(handshake?.localIndex)
        handshake = nil
        sessions.dropNext(routes: &context.routes)
        nextHandshake = nil
        waiting = []
    }
}
