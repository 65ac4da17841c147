package import Basics
import Cryptography

extension ProtocolEndpoint {
    /// Takes a datagram from the network. Whatever is not right about it, it is dropped in silence and counted.
    package mutating func receive(
        _ datagram: Datagram, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {
        let count = datagram.bytes.count
        let step = datagram.segmentByteCount.map { max(1, $0) } ?? max(1, count)
        var start = 0
        repeat {
            let end = start + min(step, count - start)
            receivePacket(of: datagram, range: start..<end, at: time, using: &generator)
            start = end
        } while start < count
    }

    private mutating func receivePacket(
        of datagram: Datagram, range: Range<Int>, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        guard !isClosed else { return }
        statistics.datagramsReceived += 1
        statistics.bytesReceived += UInt64(range.count)
        guard !range.isEmpty, let type = PacketType(rawValue: datagram.bytes[range.lowerBound]) else {
            return statistics.drop(.malformed)
        }
        // Data is read where it lies; handshakes are rare enough for a copy.
        if type == .data {
            return receiveData(datagram, range: range, at: time, using: &generator)
        }
        let single =
            range.count == datagram.bytes.count
            ? datagram : Datagram(address: datagram.address, bytes: Array(datagram.bytes[range]))
        switch type {
        case .initiation: receiveInitiation(single, at: time, using: &generator)
        case .response: receiveResponse(single, at: time)
        case .cookie: receiveCookie(single, at: time)
        case .data: break
        }
    }

    private mutating func receiveData(
        _ datagram: Datagram, range: Range<Int>, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        var reader = ByteReader(datagram.bytes, range: range)
        guard range.count >= DataPacket.overhead, range.count <= 65_535, reader.range(count: 4) != nil,
            let receiverIndex = reader.integer(UInt32.self), let number = reader.integer(UInt64.self)
        else { return statistics.drop(.malformed) }
        guard let index = neighbourOfIndex[receiverIndex],
            let (cipher, incarnation, isNext) = receivingSession(of: index, receiverIndex: receiverIndex, at: time)
        else { return statistics.drop(.unknownSession) }
        // Spares the work for most copies; what counts is the check after the tag has been checked.
        if !isNext, neighbours.change(index, { $0.isAssociated && $0.association!.hasSeen(number) }) {
            return statistics.drop(.replayed)
        }
        if range.count > scratch.count { scratch = [UInt8](repeating: 0, count: range.count) }
        guard
            let count = cipher.open(
                datagram.bytes, range: range, headerByteCount: DataPacket.headerByteCount, counter: number,
                into: &scratch)
        else { return statistics.drop(.badTag) }
        if isNext, var session = neighbours[index].next {
            neighbours[index].next = nil
            // The initiation may have come by way of somebody who sent it on: where the two differ, packets go to where the
            // peer was before, or is said to be.
            let address = datagram.address
            let known = neighbours[index].lastAddress ?? neighbours[index].remote.address
            if address != session.address, address == known { session.address = address }
            adopt(session, by: index, at: time)
        }
        guard neighbours[index].isAssociated else { return statistics.drop(.unknownSession) }
        let acceptance = neighbours.change(index) { $0.association!.take(number, of: incarnation, at: time) }
        switch acceptance {
        case .otherIncarnation: return statistics.drop(.unknownSession)
        case .replayed: return statistics.drop(.replayed)
        case .newest, .late: break
        }
        if acceptance == .newest {
            noticeAddress(datagram.address, byteCount: range.count, of: index, at: time, using: &generator)
        }
        let elicits = receiveFrames(count: count, from: index, address: datagram.address, at: time)
        if elicits {
            let (isMarked, configuration) = (datagram.isMarked, configuration)
            neighbours.change(index) {
                $0.association?.owe(number, isMarked: isMarked, configuration: configuration, at: time)
            }
        }
        markReady(index)
    }

    /// The cipher of the session that the index names, the other side's incarnation, and whether it is the one that
    /// waits for its first packet; nil if there is none or it is too old.
    private func receivingSession(
        of index: Int, receiverIndex: UInt32, at time: MonotonicTime
    ) -> (AuthenticatedCipher, UInt64, isNext: Bool)? {
        func usable(_ session: Session?) -> Bool {
            guard let session, session.localIndex == receiverIndex else { return false }
            return time < session.established + configuration.rejectAfter
        }
        if usable(neighbours[index].current) {
            return (neighbours[index].current!.receiveCipher, neighbours[index].current!.remoteIncarnation, false)
        }
        if usable(neighbours[index].next) {
            return (neighbours[index].next!.receiveCipher, neighbours[index].next!.remoteIncarnation, true)
        }
        if usable(neighbours[index].previous) {
            return (neighbours[index].previous!.receiveCipher, neighbours[index].previous!.remoteIncarnation, false)
        }
        return nil
    }

    /// Takes the frames of an authentic packet, whose `count` bytes lie in `scratch`.
    ///
    /// - Returns: whether they ask for an acknowledgement.
    private mutating func receiveFrames(
        count: Int, from index: Int, address: NetworkAddress, at time: MonotonicTime
    ) -> Bool {
        var decoder = FrameDecoder(scratch, count: count)
        var elicits = false
        do {
            while let frame = try decoder.next() {
                switch frame {
                case .ping:
                    elicits = true
                case .acknowledgement(let ranges, let delay, let marked):
                    receiveAcknowledgement(ranges, delay: delay, marked: marked, from: index, at: time)
                case .pathChallenge(let challenge):
                    elicits = true
                    receivePathChallenge(challenge, from: address, of: index, at: time)
                case .pathResponse(let challenge):
                    elicits = true
                    receivePathResponse(challenge, of: index, at: time)
                case .close:
                    endAssociation(index, reason: .closed, at: time)
                    return false
                case .control(let sequence, let control):
                    elicits = true
                    receiveControl(control, sequence: sequence, from: index, at: time)
                case .chunk(let transfer, let chunk, let range):
                    elicits = true
                    receiveChunk(chunk, of: transfer, range: range, from: index, at: time)
                }
            }
        } catch {
            statistics.drop(.badFrame)
        }
        return elicits
    }

    private mutating func receiveAcknowledgement(
        _ ranges: [ClosedRange<UInt64>], delay: Duration, marked: UInt32, from index: Int, at time: MonotonicTime
    ) {
        guard
            neighbours[index].association?.acknowledged(ranges, delay: delay, marked: marked, at: time) ?? false
        else { return statistics.drop(.badFrame) }
        neighbours[index].association?.settle(statistics: &statistics)
    }

    private mutating func receiveControl(
        _ frame: ControlFrame, sequence: UInt64, from index: Int, at time: MonotonicTime
    ) {
        guard neighbours[index].association?.inbox.insert(sequence: sequence, frame) ?? false else {
            return statistics.drop(.badFrame)
        }
        while let frame = neighbours[index].association?.inbox.next() {
            switch frame {
            case .message(let bytes): events.append(.message(from: neighbours[index].remote.id, bytes))
            case .offer(let bytes): receiveOffer(bytes, from: index)
            case .evidence(let bytes): receiveEvidence(bytes, from: index)
            case .revocation(let bytes): receiveRevocation(bytes, from: index, at: time)
            case .record(let bytes): receiveRecord(bytes, from: index, at: time)
            case .push(let bytes): receivePush(bytes, from: index)
            case .credit(let transfer, let chunks): receiveCredit(transfer: transfer, chunks: chunks, from: index)
            case .want(let transfer, let object, let ranges):
                receiveWant(transfer: transfer, object: object, ranges: ranges, from: index)
            case .cancel(let transfer, let reason):
                receiveCancel(transfer: transfer, reason: reason, from: index, at: time)
            }
        }
    }
}
