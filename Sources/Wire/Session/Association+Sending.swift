import Cryptography
import Overlay

extension Association {
    /// Appends packets under `session` to `burst`, as many as may be sent now and at most `packetLimit`. Together they
    /// can leave in one call: all are as long as the first, but for the last, which may be shorter. Packets that are a
    /// little shorter than the first are filled up with PADDING.
    ///
    /// - Returns: the bytes of the first packet, 0 if there is none.
    mutating func appendPackets(
        to burst: inout [UInt8], packetLimit: Int, under session: inout Session, configuration: WireConfiguration,
        at time: MonotonicTime
    ) -> Int {
        let isProbing = recovery.probesAllowed > 0
        guard appendPacket(to: &burst, under: &session, configuration: configuration, at: time) else { return 0 }
        let size = burst.count
        var count = 1
        while count < packetLimit, !isProbing {
            let start = burst.count
            guard
                appendPacket(
                    to: &burst, segmentByteCount: size, room: min(packetLimit, Self.burstPacketLimit) * size,
                    under: &session, configuration: configuration, at: time)
            else { break }
            count += 1
            if burst.count - start < size { break }
        }
        return size
    }

    /// Packets of one burst at most: the system takes 64.
    static let burstPacketLimit = 64
    /// Bytes of PADDING that a packet is given at most to be as long as the first of its burst.
    static let paddingLimit = 64

    /// Appends the next packet under `session`, if there is something to send and it may be sent now. In a burst it is
    /// at most `segmentByteCount` long.
    ///
    /// An acknowledgement that is owed rides along where it leaves room for a chunk, and goes alone when it is due and
    /// nothing else may be sent. Packets that carry only acknowledgements are neither counted nor paced.
    private mutating func appendPacket(
        to packet: inout [UInt8], segmentByteCount: Int? = nil, room: Int = 0, under session: inout Session,
        configuration: WireConfiguration, at time: MonotonicTime
    ) -> Bool {
        let isProbing = recovery.probesAllowed > 0
        var mayFill = false
        if hasContent || isProbing {
            refillPacer(configuration: configuration, at: time)
            mayFill = isProbing || (recovery.hasRoom && pacer.isOpen)
        }
        let isDue = received.isDue(at: time)
        guard mayFill || isDue else { return false }

        let number = recovery.nextNumber
        let start = packet.count
        let limit = start + (segmentByteCount ?? configuration.datagramByteCount) - 16
        packet.reserveCapacity(max(room, configuration.datagramByteCount))
        DataPacket.appendHeader(receiverIndex: session.remoteIndex, number: number, to: &packet)
        if received.isOwed {
            let spare = limit - packet.count - FrameEncoder.chunkOverhead - WireConfiguration.chunkByteCount
            let capacity = isDue ? limit - packet.count : spare
            if capacity >= FrameEncoder.acknowledgementByteCount {
                FrameEncoder.appendAcknowledgement(
                    received.ranges, delay: received.delay(at: time), capacity: capacity, to: &packet)
                received.acknowledged()
            }
        }
        let headerAndAcknowledgement = packet.count
        var chunk: SentChunk?
        var sequences: [UInt64] = []
        if mayFill {
            (chunk, sequences) = fill(&packet, limit: limit, isProbing: isProbing)
        }
        let elicits = packet.count > headerAndAcknowledgement
        guard packet.count - start > DataPacket.headerByteCount else {
            packet.removeLast(packet.count - start)
            return false
        }
        if segmentByteCount != nil, chunk != nil, packet.count < limit, limit - packet.count <= Self.paddingLimit {
            packet.append(contentsOf: repeatElement(FrameType.padding.rawValue, count: limit - packet.count))
        }

        session.sendCipher.seal(&packet, from: start, headerByteCount: DataPacket.headerByteCount, counter: number)
        session.packetsSent += 1
        let byteCount = packet.count - start
        recovery.sent(byteCount: byteCount, elicits: elicits, chunk: chunk, controls: sequences, at: time)
        if elicits {
            pacer.sent(byteCount: byteCount)
            lastSent = time
            if isProbing { recovery.probesAllowed -= 1 }
        }
        return true
    }

    /// Appends what is to be sent: control frames first, then one chunk, a PING if it is asked for or a probe has
    /// nothing else.
    private mutating func fill(
        _ packet: inout [UInt8], limit: Int, isProbing: Bool
    ) -> (chunk: SentChunk?, controls: [UInt64]) {
        let start = packet.count
        var sequences: [UInt64] = []
        while let (sequence, frame) = controls.next(capacity: limit - packet.count) {
            FrameEncoder.append(frame, sequence: sequence, to: &packet)
            sequences.append(sequence)
        }
        var sent: SentChunk?
        if limit - packet.count >= FrameEncoder.chunkOverhead + WireConfiguration.chunkByteCount {
            sent = appendChunk(to: &packet)
        }
        if packet.count < limit, pingPending || (isProbing && packet.count == start) {
            packet.append(FrameType.ping.rawValue)
            pingPending = false
        }
        return (sent, sequences)
    }

    private mutating func appendChunk(to packet: inout [UInt8]) -> SentChunk? {
        for position in outbound.indices {
            guard let index = outbound[position].nextChunk() else { continue }
            let object = outbound[position].object
            let handle = outbound[position].handle
            switch object.layout.place(ofChunk: Int(index))! {
            case .hashes(let range):
                FrameEncoder.appendChunk(
                    transfer: handle, index: index, source: object.leafHashes, range: range, to: &packet)
            case .payload(let range, _):
                FrameEncoder.appendChunk(
                    transfer: handle, index: index, source: object.payload, range: range, to: &packet)
            }
            outbound[position].underWay += 1
            return SentChunk(transfer: handle, index: index)
        }
        return nil
    }

    private mutating func refillPacer(configuration: WireConfiguration, at time: MonotonicTime) {
        pacer.refill(
            at: time, window: recovery.congestion.window, roundTrip: recovery.roundTrip.smoothed,
            slowStart: recovery.congestion.isInSlowStart, packetByteCount: configuration.datagramByteCount)
    }
}

extension Neighbour {
    /// The next packets of the association under the current session, if there are both: one datagram of at most
    /// `packetLimit` packets.
    mutating func nextDatagram(
        packetLimit: Int, configuration: WireConfiguration, at time: MonotonicTime
    ) -> Datagram? {
        guard association != nil, current != nil else { return nil }
        var bytes: [UInt8] = []
        let size = association!.appendPackets(
            to: &bytes, packetLimit: packetLimit, under: &current!, configuration: configuration, at: time)
        guard size > 0 else { return nil }
        return Datagram(address: current!.address, bytes: bytes, segmentByteCount: bytes.count > size ? size : nil)
    }
}
