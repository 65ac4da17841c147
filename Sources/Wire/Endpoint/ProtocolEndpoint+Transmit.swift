package import Basics
import Cryptography
import DequeModule

extension ProtocolEndpoint {
    /// Sends a message of at most 1000 bytes, in order, retransmitted until acknowledged, delivered at most once. It
    /// waits for the session if there is none yet and is lost when the association ends.
    ///
    /// - Parameter reserve: so many of the frames that may wait have to be left for others.
    /// - Returns: false if it was not taken: unknown peer, too long, or 256 frames already wait.
    @discardableResult
    package mutating func send(
        message: [UInt8], to peer: PeerID, leaving reserve: Int = 0, at time: MonotonicTime
    ) -> Bool {
        guard !isClosed, let id = connections.id(of: peer), message.count <= WireConfiguration.messageByteLimit,
            connections[id].controlRoom(context.configuration) > reserve
        else { return false }
        return connections[id].enqueue(.message(message), &context)
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
        resume(at: time)
        if let datagram = strays.popLast() {
            count(datagram)
            return datagram
        }
        while let id = context.ready.popFirst() {
            // The peer may have been expelled meanwhile.
            guard connections.contains(id) else { continue }
            if let datagram = connections[id].nextDatagram(packetLimit: packetLimit, &context, at: time) {
                context.ready.append(id)
                count(datagram)
                return datagram
            }
            connections[id].markIdle()
        }
        // The owner has what there is, and is about to ask when to call again.
        connections.rememberDeadlines(context.configuration)
        return nil
    }

    /// Says goodbye on every session and forgets them; nothing is answered any more. `pollTransmit` gives the goodbyes.
    package mutating func close(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        guard !isClosed else { return }
        for id in connections.ids { connections[id].close(&context, at: time) }
        context.routes.releaseAll()
        strays = []
        isClosed = true
    }

    private mutating func count(_ datagram: Datagram) {
        let step = datagram.segmentByteCount ?? max(1, datagram.bytes.count)
        context.statistics.datagramsSent += UInt64((datagram.bytes.count + step - 1) / step)
        context.statistics.bytesSent += UInt64(datagram.bytes.count)
    }
}
