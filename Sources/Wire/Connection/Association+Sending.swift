import Basics
import Cryptography

extension Association {
    /// Appends packets under `session` to `burst`, as many as may be sent now and at most `packetLimit`. Together they
    /// can leave in one call: all are as long as the first, but for the last, which may be shorter. Packets that are a
    /// little shorter than the path allows are filled up with PADDING.
    ///
    /// - Returns: the bytes of the first packet, 0 if there is none.
    mutating func appendPackets(
        to burst: inout [UInt8], packetLimit: Int, under session: inout Session, configuration: WireConfiguration,
        at time: MonotonicTime
    ) -> Int {
        if let size = sizeToTry(configuration: configuration, at: time) {
            return appendSizeProbe(size, to: &burst, under: &session, at: time)
        }
        // A probe that finds out whether anything arrives must not be too long to arrive.
        let isProbing = recovery.probesAllowed > 0
        let size = isProbing ? configuration.datagramByteCount : recovery.path.byteCount
        // A UDP payload, also one that is cut up on its way, has at most 65,507 bytes.
        let limit = isProbing ? 1 : max(1, min(packetLimit, Self.burstPacketLimit, 65_507 / size))
        var count = 0
        var byteCount = 0
        // Room for what waits: a whole burst's for every acknowledgement would be most of a simulated swarm's memory.
        let room = limit == 1 ? 0 : min(limit * size, waitingByteCount + size)
        while count < limit {
            let start = burst.count
            guard
                appendPacket(
                    to: &burst, size: size, room: room - start, under: &session, configuration: configuration, at: time)
            else { break }
            if count == 0 { byteCount = burst.count }
            count += 1
            // Segmentation offload cuts at equal lengths: a shorter packet can only be the last.
            if burst.count - start < size { break }
        }
        return byteCount
    }

    /// Packets of one burst at most: the system takes 64.
    static let burstPacketLimit = 64
    /// Bytes of PADDING that a packet is given at most to be as long as the others of its burst.
    static let paddingLimit = 160
    /// Bytes of an acknowledgement that rides along although it is not due yet.
    static let ridingByteCount =
        FrameEncoder.acknowledgementByteCount + 4 * FrameEncoder.rangeByteCount + FrameEncoder.markedByteCount

    /// A size of datagrams that is worth trying: there is much to send, and room for it.
    private func sizeToTry(configuration: WireConfiguration, at time: MonotonicTime) -> Int? {
        guard recovery.probesAllowed == 0, recovery.probeCount == 0, recovery.hasRoom,
            let size = recovery.path.sizeToTry(at: time),
            waitingByteCount >= configuration.sizeProbeThreshold
        else { return nil }
        return size
    }

    /// Appends a PING that is filled up to `size` bytes.
    private mutating func appendSizeProbe(
        _ size: Int, to packet: inout [UInt8], under session: inout Session, at time: MonotonicTime
    ) -> Int {
        let number = recovery.nextNumber
        packet.reserveCapacity(size)
        DataPacket.appendHeader(receiverIndex: session.remoteIndex, number: number, to: &packet)
        packet.append(FrameType.ping.rawValue)
        packet.append(contentsOf: repeatElement(FrameType.padding.rawValue, count: size - 16 - packet.count))
        session.sendCipher.seal(&packet, headerByteCount: DataPacket.headerByteCount, counter: number)
        session.packetsSent += 1
        recovery.sent(byteCount: size, elicits: true, chunks: nil, controls: [], triesSize: true, at: time)
        pacer.sent(byteCount: size)
        lastSent = time
        return size
    }

    /// Appends the next packet under `session`, of at most `size` bytes, if there is something to send and it may be sent
    /// now.
    ///
    /// An acknowledgement that is owed rides along, and goes alone when it is due and nothing else may be sent. Packets
    /// that carry only acknowledgements are neither counted nor paced.
    private mutating func appendPacket(
        to packet: inout [UInt8], size: Int, room: Int, under session: inout Session,
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
        // 16 bytes for the tag.
        let limit = start + size - 16
        packet.reserveCapacity(start + (mayFill ? max(room, size) : configuration.datagramByteCount))
        DataPacket.appendHeader(receiverIndex: session.remoteIndex, number: number, to: &packet)
        if received.isOwed {
            FrameEncoder.appendAcknowledgement(
                received.ranges, delay: received.delay(at: time), marked: received.marked,
                capacity: isDue ? limit - packet.count : Self.ridingByteCount, to: &packet)
            received.acknowledged()
        }
        let headerAndAcknowledgement = packet.count
        var chunks: SentChunks?
        var sequences: [UInt64] = []
        if mayFill {
            (chunks, sequences) = fill(&packet, limit: limit, isProbing: isProbing)
        }
        let elicits = packet.count > headerAndAcknowledgement
        guard packet.count - start > DataPacket.headerByteCount else {
            packet.removeLast(packet.count - start)
            return false
        }
        if chunks != nil, packet.count < limit, limit - packet.count <= Self.paddingLimit {
            packet.append(contentsOf: repeatElement(FrameType.padding.rawValue, count: limit - packet.count))
        }

        session.sendCipher.seal(&packet, from: start, headerByteCount: DataPacket.headerByteCount, counter: number)
        session.packetsSent += 1
        let byteCount = packet.count - start
        recovery.sent(byteCount: byteCount, elicits: elicits, chunks: chunks, controls: sequences, at: time)
        if elicits {
            pacer.sent(byteCount: byteCount)
            lastSent = time
            if isProbing { recovery.probesAllowed -= 1 }
        }
        return true
    }

    /// Appends what is to be sent: control frames first, then a run of chunks, a PING if it is asked for or a probe has
    /// nothing else.
    private mutating func fill(
        _ packet: inout [UInt8], limit: Int, isProbing: Bool
    ) -> (chunks: SentChunks?, controls: [UInt64]) {
        let start = packet.count
        var sequences: [UInt64] = []
        while let (sequence, frame) = controls.next(capacity: limit - packet.count) {
            FrameEncoder.append(frame, sequence: sequence, to: &packet)
            sequences.append(sequence)
        }
        let sent = outbound.isEmpty ? nil : appendChunks(to: &packet, limit: limit)
        if packet.count < limit, pingPending || (isProbing && packet.count == start) {
            packet.append(FrameType.ping.rawValue)
            pingPending = false
        }
        return (sent, sequences)
    }

    /// Appends chunks of one object; the objects that are on their way take turns.
    private mutating func appendChunks(to packet: inout [UInt8], limit: Int) -> SentChunks? {
        let capacity = limit - packet.count - FrameEncoder.chunkOverhead
        guard capacity >= WireConfiguration.chunkByteCount else { return nil }
        for step in outbound.indices {
            let position = (turn + step) % outbound.count
            guard let run = outbound[position].nextRun(capacity: capacity) else { continue }
            turn = position + 1
            outbound[position].underWay += 1
            let handle = outbound[position].handle
            let first = UInt32(run.lowerBound)
            switch outbound[position].object.layout.place(ofRun: run)! {
            case .hashes(let range):
                FrameEncoder.appendChunks(
                    transfer: handle, index: first, source: outbound[position].object.leafHashes, range: range,
                    to: &packet)
            case .payload(let range):
                FrameEncoder.appendChunks(
                    transfer: handle, index: first, source: outbound[position].object.payload, range: range,
                    to: &packet)
            }
            return SentChunks(transfer: handle, first: first, count: UInt32(run.count))
        }
        return nil
    }

    /// Bytes of objects that wait to be sent, lost ones not counted.
    private var waitingByteCount: Int {
        outbound.reduce(0) { $0 + $1.waitingChunkCount * WireConfiguration.chunkByteCount }
    }

    private mutating func refillPacer(configuration: WireConfiguration, at time: MonotonicTime) {
        pacer.refill(
            at: time, window: recovery.congestion.window, roundTrip: recovery.roundTrip.smoothed,
            slowStart: recovery.congestion.isInSlowStart, packetByteCount: recovery.path.byteCount)
    }
}
