import Basics
import Cryptography

extension Connection {
    /// The next datagram, of at most `packetLimit` packets; nil if there is nothing to send, or nothing may be sent now.
    mutating func nextDatagram(
        packetLimit: Int, _ context: inout ConnectionContext, at time: MonotonicTime
    ) -> Datagram? {
        if !outbox.isEmpty { return outbox.removeFirst() }
        guard isAssociated, sessions.canSend(life: context.configuration.rejectAfter, at: time) else { return nil }
        var bytes: [UInt8] = []
        let size = association.appendPackets(
            to: &bytes, packetLimit: packetLimit, under: &sessions.current!, configuration: context.configuration,
            at: time)
        guard size > 0 else { return nil }
        if sessions.current!.packetsSent >= context.configuration.rekeyAfterPackets, handshake == nil,
            nextHandshake == nil
        {
            nextHandshake = time
        }
        context.statistics.longestDatagram = max(
            context.statistics.longestDatagram, association.recovery.path.byteCount)
        return Datagram(
            address: sessions.current!.address, bytes: bytes, segmentByteCount: bytes.count > size ? size : nil)
    }

    /// Says goodbye if there is a session, and forgets the association, its sessions and what was to be sent. The layer
    /// above is only told what has been delivered.
    mutating func close(_ context: inout ConnectionContext, at time: MonotonicTime) {
        outbox = goodbyes(context.configuration, at: time)
        if !outbox.isEmpty { markReady(&context) }
        forgetAssociation(&context, at: time)
        abandonHandshakes(&context)
        sessions.dropAll(routes: &context.routes)
    }

    /// What says goodbye on the present session: empty where there is none. The packet number must not be used again.
    ///
    /// An acknowledgement that is owed goes with it: the other side would else never know that the last of what it has sent
    /// arrived.
    func goodbyes(_ configuration: WireConfiguration, at time: MonotonicTime) -> [Datagram] {
        guard isAssociated, let session = sessions.current else { return [] }
        let number = association.recovery.nextNumber
        let limit = configuration.datagramByteCount - 16
        var packet = DataPacket.header(receiverIndex: session.remoteIndex, number: number, capacity: limit + 16)
        if association.received.isOwed {
            FrameEncoder.appendAcknowledgement(
                association.received.ranges, delay: association.received.delay(at: time),
                marked: association.received.marked, capacity: limit - 1 - packet.count, to: &packet)
        }
        packet.append(FrameType.close.rawValue)
        session.sendCipher.seal(&packet, headerByteCount: DataPacket.headerByteCount, counter: number)
        // Nobody repeats a goodbye that is lost, so it is said three times; copies are dropped.
        return Array(repeating: Datagram(address: session.address, bytes: packet), count: 3)
    }
}
