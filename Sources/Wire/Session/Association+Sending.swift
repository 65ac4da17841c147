import Cryptography
import Overlay

extension Association {
    /// The next packet under `session`, if there is something to send and it may be sent now.
    ///
    /// An acknowledgement that is owed rides along where it leaves room for a chunk, and goes alone when it is due and
    /// nothing else may be sent. Packets that carry only acknowledgements are neither counted nor paced.
    mutating func nextPacket(
        under session: inout Session, configuration: WireConfiguration, at time: MonotonicTime
    ) -> [UInt8]? {
        let isProbing = recovery.probesAllowed > 0
        var mayFill = false
        if hasContent || isProbing {
            refillPacer(configuration: configuration, at: time)
            mayFill = isProbing || (recovery.hasRoom && pacer.isOpen)
        }
        let isDue = received.isDue(at: time)
        guard mayFill || isDue else { return nil }

        let number = recovery.nextNumber
        let limit = configuration.datagramByteCount - 16
        var packet = DataPacket.header(
            receiverIndex: session.remoteIndex, number: number, capacity: configuration.datagramByteCount)
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
        guard packet.count > DataPacket.headerByteCount else { return nil }

        session.sendCipher.seal(&packet, headerByteCount: DataPacket.headerByteCount, counter: number)
        session.packetsSent += 1
        recovery.sent(byteCount: packet.count, elicits: elicits, chunk: chunk, controls: sequences, at: time)
        if elicits {
            pacer.sent(byteCount: packet.count)
            lastSent = time
            if isProbing { recovery.probesAllowed -= 1 }
        }
        return packet
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
    /// The next packet of the association under the current session, if there are both.
    mutating func nextPacket(configuration: WireConfiguration, at time: MonotonicTime) -> [UInt8]? {
        guard association != nil, current != nil else { return nil }
        return association!.nextPacket(under: &current!, configuration: configuration, at: time)
    }
}
