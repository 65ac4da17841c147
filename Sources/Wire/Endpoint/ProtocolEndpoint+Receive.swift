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
        context.statistics.datagramsReceived += 1
        context.statistics.bytesReceived += UInt64(range.count)
        guard !range.isEmpty, let type = PacketType(rawValue: datagram.bytes[range.lowerBound]) else {
            return context.statistics.drop(.malformed)
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
        else { return context.statistics.drop(.malformed) }
        guard let id = context.routes[receiverIndex] else { return context.statistics.drop(.unknownSession) }
        guard
            let opened = connections[id].open(
                datagram, range: range, receiverIndex: receiverIndex, number: number, &context, at: time)
        else { return }
        if let adoption = opened.adoption { welcome(id, adoption, at: time) }
        guard
            connections[id].accept(
                number, of: opened.incarnation, from: datagram.address, byteCount: range.count, &context, at: time,
                using: &generator)
        else { return }
        var packet = PacketFrames(
            decoder: FrameDecoder(context.scratch, count: opened.frameByteCount), address: datagram.address)
        while let request = connections[id].nextRequest(&packet, &context, at: time) {
            perform(request, for: id, at: time)
        }
        connections[id].finish(packet, number: number, isMarked: datagram.isMarked, &context, at: time)
    }
}
