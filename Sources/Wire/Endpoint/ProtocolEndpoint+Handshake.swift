package import Basics
import Cryptography

extension ProtocolEndpoint {
    /// Keeps a session with the peer from now on: a handshake is tried, with growing pauses, until it succeeds, and
    /// again whenever the association ends. A peer that is not on the allow list is ignored.
    package mutating func connect(
        to peer: PeerID, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        guard !isClosed, let index = neighbourOfPeer[peer], neighbours[index].revocation == nil else { return }
        neighbours[index].isWanted = true
        guard !neighbours[index].isAssociated, neighbours[index].handshake == nil else { return }
        startHandshake(index, at: time, using: &generator)
    }

    /// Sends an initiation and sets the time of the next try.
    mutating func startHandshake(
        _ index: Int, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        neighbours[index].nextHandshake = nil
        guard let (address, suite) = handshakeTarget(of: index, at: time),
            let ephemeral = try? ExchangeKey.generate(using: &generator)
        else { return }
        if let old = neighbours[index].handshake { neighbourOfIndex[old.localIndex] = nil }
        var noise = NoiseHandshake.Initiator(
            prologue: prologue, localStatic: local.exchangeKey, ephemeral: ephemeral,
            remoteStatic: neighbours[index].remote.exchangeKey, suite: suite)
        var payload: [UInt8] = []
        payload.append(integer: freshStamp(at: time))
        payload.append(integer: neighbours[index].incarnation)
        // Fails only for a remote key of small order, which no topology holds on purpose.
        guard let message = try? noise.writeFirst(payload: payload) else { return }
        let localIndex = freshIndex(for: index, using: &generator)
        let packet = HandshakePacket.initiation(
            suite: suite, senderIndex: localIndex, noise: message, byteCount: configuration.datagramByteCount,
            codeKey: neighbours[index].codeKey, cookie: freshCookie(of: index, at: time))
        neighbours[index].handshake = OutgoingHandshake(
            noise: noise, localIndex: localIndex, code: HandshakePacket.firstCode(packet), address: address)
        sendOutside(Datagram(address: address, bytes: packet), to: index)
        let pause = configuration.handshakeRetry * (1 << min(neighbours[index].tries, 10))
        let jitter = Duration.milliseconds(Int64.random(in: 0..<100, using: &generator))
        neighbours[index].nextHandshake = time + min(pause, configuration.handshakeRetryLimit) + jitter
        neighbours[index].tries += 1
    }

    /// Queues a packet outside any session; of many, the last few count.
    mutating func sendOutside(_ datagram: Datagram, to index: Int) {
        neighbours[index].outbox.append(datagram)
        if neighbours[index].outbox.count > 4 { neighbours[index].outbox.removeFirst() }
        markReady(index)
    }

    /// Answers an initiation, if everything about it is right.
    mutating func receiveInitiation(
        _ datagram: Datagram, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        let bytes = datagram.bytes
        guard bytes.count >= HandshakePacket.initiationByteLimit else { return statistics.drop(.malformed) }
        let isKnown = knownAddresses.contains(datagram.address)
        guard gate.isWorthChecking(isKnownAddress: isKnown, configuration: configuration, at: time, using: &generator)
        else { return statistics.drop(.initiationRate) }
        guard HandshakePacket.hasValidCode(bytes, codeKey: codeKey) else { return statistics.drop(.badCode) }
        guard let suite = CipherSuite(rawValue: bytes[1]), configuration.suites.contains(suite) else {
            return statistics.drop(.unknownSuite)
        }
        guard admits(datagram, at: time, using: &generator) else { return }
        var reader = ByteReader(bytes, range: 4..<bytes.count)
        guard let senderIndex = reader.integer(UInt32.self),
            let message = reader.bytes(count: HandshakePacket.initiationNoiseByteCount)
        else { return statistics.drop(.malformed) }
        var noise = NoiseHandshake.Responder(prologue: prologue, localStatic: local.exchangeKey, suite: suite)
        guard (try? noise.readIdentity(message)) != nil, let index = neighbourOfKey[noise.remoteStatic],
            neighbours[index].revocation == nil, let payload = try? noise.readPayload(message)
        else { return statistics.drop(.badHandshake) }
        var fields = ByteReader(payload)
        guard let timestamp = fields.integer(UInt64.self), let incarnation = fields.integer(UInt64.self) else {
            return statistics.drop(.malformed)
        }
        guard timestamp > neighbours[index].greatestTimestamp else { return statistics.drop(.staleInitiation) }
        neighbours[index].greatestTimestamp = timestamp
        hasNewMemory = true
        // Of two initiations that cross, that of the lesser identity goes first. After two tries ours gives way: it may
        // never arrive, where theirs just did.
        if neighbours[index].handshake != nil {
            if neighbours[index].tries <= 2, local.id < neighbours[index].remote.id {
                return statistics.drop(.crossedInitiation)
            }
            neighbours[index].nextHandshake = time + .seconds(1)
        }
        respond(
            noise, to: index, senderIndex: senderIndex, incarnation: incarnation, address: datagram.address, at: time,
            using: &generator)
    }

    private mutating func respond(
        _ handshake: NoiseHandshake.Responder, to index: Int, senderIndex: UInt32, incarnation: UInt64,
        address: NetworkAddress, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        var noise = handshake
        var payload: [UInt8] = []
        payload.append(integer: neighbours[index].incarnation)
        var key = swarm.preSharedKey
        defer { wipe(&key) }
        guard let ephemeral = try? ExchangeKey.generate(using: &generator),
            let message = try? noise.writeSecond(payload: payload, ephemeral: ephemeral, preSharedKey: key)
        else { return statistics.drop(.badHandshake) }
        if let old = neighbours[index].next { neighbourOfIndex[old.localIndex] = nil }
        let localIndex = freshIndex(for: index, using: &generator)
        let ciphers = noise.split()
        neighbours[index].next = Session(
            localIndex: localIndex, remoteIndex: senderIndex, sendCipher: ciphers.send, receiveCipher: ciphers.receive,
            isInitiator: false, established: time, remoteIncarnation: incarnation, address: address)
        let response = HandshakePacket.response(
            senderIndex: localIndex, receiverIndex: senderIndex, noise: message, codeKey: neighbours[index].codeKey)
        sendOutside(Datagram(address: address, bytes: response), to: index)
    }

    /// Takes the answer to our initiation: the session stands.
    mutating func receiveResponse(_ datagram: Datagram, at time: MonotonicTime) {
        let bytes = datagram.bytes
        guard bytes.count == HandshakePacket.responseByteCount else { return statistics.drop(.malformed) }
        guard HandshakePacket.hasValidCode(bytes, codeKey: codeKey) else { return statistics.drop(.badCode) }
        var reader = ByteReader(bytes, range: 4..<bytes.count)
        guard let senderIndex = reader.integer(UInt32.self), let receiverIndex = reader.integer(UInt32.self),
            let message = reader.bytes(count: HandshakePacket.responseNoiseByteCount)
        else { return statistics.drop(.malformed) }
        guard let index = neighbourOfIndex[receiverIndex], let handshake = neighbours[index].handshake,
            handshake.localIndex == receiverIndex
        else { return statistics.drop(.unexpectedResponse) }
        // A copy: a forged answer must not spoil the handshake for the true one.
        var noise = handshake.noise
        var key = swarm.preSharedKey
        defer { wipe(&key) }
        guard let payload = try? noise.readSecond(message, preSharedKey: key), payload.count == 8 else {
            return statistics.drop(.badHandshake)
        }
        var fields = ByteReader(payload)
        guard let incarnation = fields.integer(UInt64.self) else { return statistics.drop(.malformed) }
        let ciphers = noise.split()
        let session = Session(
            localIndex: receiverIndex, remoteIndex: senderIndex, sendCipher: ciphers.send,
            receiveCipher: ciphers.receive, isInitiator: true, established: time, remoteIncarnation: incarnation,
            // Where the initiation arrived, not where the answer seems to come from: anyone who got hold of the answer could
            // send it on and be taken for the other side. If it has moved, its packets will tell, and a challenge.
            address: handshake.address)
        adopt(session, by: index, at: time)
        // The other side uses the session only once it has seen a packet of it.
        neighbours[index].association?.pingPending = true
    }

    /// Makes `session` the one that packets are sent under.
    mutating func adopt(_ session: Session, by index: Int, at time: MonotonicTime) {
        statistics.handshakesCompleted += 1
        if let previous = neighbours[index].previous { neighbourOfIndex[previous.localIndex] = nil }
        neighbours[index].previous = neighbours[index].current
        neighbours[index].current = session
        if let handshake = neighbours[index].handshake, handshake.localIndex != session.localIndex {
            neighbourOfIndex[handshake.localIndex] = nil
        }
        neighbours[index].handshake = nil
        neighbours[index].nextHandshake = nil
        neighbours[index].tries = 0
        neighbours[index].lastAddress = session.address
        neighbours[index].validation = nil
        remember(session.address)
        let peer = neighbours[index].remote.id
        if let association = neighbours[index].association,
            association.remoteIncarnation != session.remoteIncarnation
        {
            failTransfers(of: index, reason: .disconnected, at: time)
            neighbours[index].dissociate()
            if let previous = neighbours[index].previous { neighbourOfIndex[previous.localIndex] = nil }
            neighbours[index].previous = nil
            events.append(.disconnected(peer, .restarted))
        }
        if !neighbours[index].isAssociated {
            var association = Association(
                remoteIncarnation: session.remoteIncarnation, configuration: configuration, at: time)
            for frame in neighbours[index].waiting { _ = association.controls.append(frame) }
            neighbours[index].waiting = []
            neighbours[index].associate(association)
            events.append(.connected(peer))
            tellProofs(to: index)
            tellRecords(to: index, at: time)
        } else {
            renewRecord(at: time)
        }
        markReady(index)
    }

    /// Ends the association: everything about it is forgotten, and the next one has another name.
    mutating func endAssociation(_ index: Int, reason: DisconnectReason, at time: MonotonicTime) {
        failTransfers(of: index, reason: .disconnected, at: time)
        for session in [neighbours[index].current, neighbours[index].previous, neighbours[index].next] {
            if let session { neighbourOfIndex[session.localIndex] = nil }
        }
        if let handshake = neighbours[index].handshake { neighbourOfIndex[handshake.localIndex] = nil }
        neighbours[index].current = nil
        neighbours[index].previous = nil
        neighbours[index].next = nil
        neighbours[index].handshake = nil
        neighbours[index].dissociate()
        neighbours[index].validation = nil
        neighbours[index].waiting = []
        neighbours[index].incarnation = freshStamp(at: time)
        // A peer that has said goodbye is not expected back at once, nor wanted one that keeps to no limit.
        let isLater = reason == .closed || reason == .overrun
        neighbours[index].tries = isLater ? 10 : 0
        let pause = isLater ? configuration.handshakeRetryLimit : .zero
        neighbours[index].nextHandshake = neighbours[index].isWanted ? time + pause : nil
        events.append(.disconnected(neighbours[index].remote.id, reason))
    }

    private mutating func freshIndex(for index: Int, using generator: inout some RandomNumberGenerator) -> UInt32 {
        var candidate = UInt32.random(in: .min ... .max, using: &generator)
        while neighbourOfIndex[candidate] != nil { candidate &+= 1 }
        neighbourOfIndex[candidate] = index
        return candidate
    }
}
