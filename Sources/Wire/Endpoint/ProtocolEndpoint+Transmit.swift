package import Basics
import Cryptography

extension ProtocolEndpoint {
    /// Sends a message of at most 1000 bytes, in order, retransmitted until acknowledged, delivered at most once. It
    /// waits for the session if there is none yet and is lost when the association ends.
    ///
    /// - Returns: false if it was not taken: unknown peer, too long, or 256 frames already wait.
    @discardableResult
    package mutating func send(message: [UInt8], to peer: PeerID, at time: MonotonicTime) -> Bool {
        guard let index = neighbourOfPeer[peer], message.count <= WireConfiguration.messageByteLimit else {
            return false
        }
        return enqueue(.message(message), to: index)
    }

    /// The next datagram for the network, peers taking turns; nil if there is none now.
    package mutating func pollTransmit(
        at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) -> Datagram? {
        nextDatagram(packetLimit: 1, at: time)
    }

    /// The next packets for one address, as many as may leave together, peers taking turns; nil if there is none now. The
    /// packets of one datagram have `segmentByteCount` bytes each.
    package mutating func pollBurst(
        at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) -> Datagram? {
        nextDatagram(packetLimit: Association.burstPacketLimit, at: time)
    }

    private mutating func nextDatagram(packetLimit: Int, at time: MonotonicTime) -> Datagram? {
        goOn(at: time)
        if let datagram = cookies.popLast() {
            count(datagram)
            return datagram
        }
        while let index = ready.popFirst() {
            if let datagram = nextDatagram(to: index, packetLimit: packetLimit, at: time) {
                ready.append(index)
                count(datagram)
                return datagram
            }
            neighbours[index].isReady = false
        }
        return nil
    }

    /// Says goodbye on every session and forgets them; nothing is answered any more. `pollTransmit` gives the goodbyes.
    package mutating func close(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        guard !isClosed else { return }
        for index in neighbours.indices {
            neighbours[index].isWanted = false
            neighbours[index].outbox = []
            if let number = neighbours[index].association?.recovery.nextNumber, let session = neighbours[index].current
            {
                var packet = DataPacket.header(
                    receiverIndex: session.remoteIndex, number: number, capacity: DataPacket.overhead + 1)
                packet.append(FrameType.close.rawValue)
                session.sendCipher.seal(&packet, headerByteCount: DataPacket.headerByteCount, counter: number)
                // Nobody repeats a goodbye that is lost, so it is said three times; copies are dropped.
                neighbours[index].outbox = Array(
                    repeating: Datagram(address: session.address, bytes: packet), count: 3)
                markReady(index)
            }
            neighbours[index].dissociate()
            neighbours[index].handshake = nil
            neighbours[index].nextHandshake = nil
            neighbours[index].current = nil
            neighbours[index].previous = nil
            neighbours[index].next = nil
        }
        neighbourOfIndex = [:]
        cookies = []
        isClosed = true
    }

    private mutating func count(_ datagram: Datagram) {
        let step = datagram.segmentByteCount ?? max(1, datagram.bytes.count)
        statistics.datagramsSent += UInt64((datagram.bytes.count + step - 1) / step)
        statistics.bytesSent += UInt64(datagram.bytes.count)
    }

    private mutating func nextDatagram(to index: Int, packetLimit: Int, at time: MonotonicTime) -> Datagram? {
        if !neighbours[index].outbox.isEmpty { return neighbours[index].outbox.removeFirst() }
        guard neighbours[index].isAssociated, canSend(index, at: time) else { return nil }
        guard
            let datagram = neighbours[index].nextDatagram(
                packetLimit: packetLimit, configuration: configuration, at: time)
        else { return nil }
        if neighbours[index].current!.packetsSent >= configuration.rekeyAfterPackets,
            neighbours[index].handshake == nil, neighbours[index].nextHandshake == nil
        {
            neighbours[index].nextHandshake = time
        }
        statistics.longestDatagram = max(statistics.longestDatagram, neighbours[index].association!.pathByteCount())
        return datagram
    }

    /// Whether there is a session that packets may be sent under.
    func canSend(_ index: Int, at time: MonotonicTime) -> Bool {
        guard let established = neighbours[index].current?.established else { return false }
        return time < established + configuration.rejectAfter
    }
}
