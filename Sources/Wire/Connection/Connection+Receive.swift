import Basics
import Cryptography

/// What a connection asks of its endpoint: whatever needs an object, another connection, or both.
enum ConnectionRequest: Sendable {
    /// A signed manifest arrived as an offer, in its encoded form.
    case offer([UInt8])
    /// A signed manifest of anyone, in its encoded form, to be compared with what else its origin has said.
    case evidence([UInt8])
    /// A revocation, in its encoded form.
    case revocation([UInt8])
    /// A peer's record of anyone, in its encoded form.
    case record([UInt8])
    /// The first piece of a pushed object: its signed manifest in its encoded form, and the payload's prefix.
    case beginPush(manifest: [UInt8], prefix: ArraySlice<UInt8>)
    /// A pushed object has come whole.
    case takePush(PushedObject)
    /// The peer wants chunks of an object.
    case serve(ObjectID, transfer: UInt32, ranges: [Range<UInt32>])
    /// Chunks of an object that we asked for lie in the scratch memory at `range`.
    case place(ObjectID, chunk: UInt32, range: Range<Int>)
    /// An object makes no progress: it is to be asked for again.
    case repeatRequest(ObjectID)
    /// An object has made no progress for so long that this peer is given up.
    case giveUp(ObjectID)
    /// The peer was asked for these objects and will not send them: what is missing is to be divided anew.
    case divide([ObjectID])
    /// The peer has proved to be at another address.
    case remember(NetworkAddress)
}

/// A packet that decrypts.
struct OpenedPacket: Sendable {
    /// Bytes of its frames, which lie in the scratch memory.
    let frameByteCount: Int
    /// The incarnation of the other side that its session belongs to.
    let incarnation: UInt64
    /// What its session's first packet has brought about.
    let adoption: Adoption?
}

/// The frames of a packet while they are being taken.
struct PacketFrames {
    var decoder: FrameDecoder
    /// Where the packet came from.
    let address: NetworkAddress
    /// Whether a frame has asked for an acknowledgement.
    var elicits = false
    /// Whether control frames may be next in order.
    var hasControls = false
}

extension Connection {
    /// Decrypts a data packet. The first one of a session that we answered for makes that session the present one.
    ///
    /// - Returns: nil if the packet is dropped.
    mutating func open(
        _ datagram: Datagram, range: Range<Int>, receiverIndex: UInt32, number: UInt64,
        _ context: inout ConnectionContext, at time: MonotonicTime
    ) -> OpenedPacket? {
        guard
            let (cipher, incarnation, isNext) = sessions.receiving(
                receiverIndex, life: context.configuration.rejectAfter, at: time)
        else {
            context.statistics.drop(.unknownSession)
            return nil
        }
        // Spares the work for most copies; what counts is the check after the tag has been checked.
        if !isNext, isAssociated, association.hasSeen(number) {
            context.statistics.drop(.replayed)
            return nil
        }
        if range.count > context.scratch.count { context.scratch = [UInt8](repeating: 0, count: range.count) }
        guard
            let count = cipher.open(
                datagram.bytes, range: range, headerByteCount: DataPacket.headerByteCount, counter: number,
                into: &context.scratch)
        else {
            context.statistics.drop(.badTag)
            return nil
        }
        var adoption: Adoption?
        if isNext, var session = sessions.takeNext() {
            // The initiation may have come by way of somebody who sent it on: where the two differ, packets go to where the
            // peer was before, or is said to be.
            let address = datagram.address
            if address != session.address, address == lastAddress ?? remote.address { session.address = address }
            adoption = adopt(session, &context, at: time)
        }
        return OpenedPacket(frameByteCount: count, incarnation: incarnation, adoption: adoption)
    }

    /// Takes the number of a packet that decrypts, and notes where it came from.
    ///
    /// - Returns: false if the packet is dropped.
    mutating func accept(
        _ number: UInt64, of incarnation: UInt64, from address: NetworkAddress, byteCount: Int,
        _ context: inout ConnectionContext, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) -> Bool {
        let acceptance =
            isAssociated ? association.take(number, of: incarnation, at: time) : PacketAcceptance.otherIncarnation
        switch acceptance {
        case .otherIncarnation:
            context.statistics.drop(.unknownSession)
            return false
        case .replayed:
            context.statistics.drop(.replayed)
            return false
        case .newest:
            noticeAddress(address, byteCount: byteCount, &context, at: time, using: &generator)
            return true
        case .late:
            return true
        }
    }

    /// Takes the packet's frames up to the next one that the endpoint is needed for.
    ///
    /// - Returns: nil when all frames are taken, one of them is malformed, or the association has ended.
    mutating func nextRequest(
        _ packet: inout PacketFrames, _ context: inout ConnectionContext, at time: MonotonicTime
    ) -> ConnectionRequest? {
        do {
            while isAssociated {
                if packet.hasControls {
                    guard let frame = association.inbox.next() else {
                        packet.hasControls = false
                        continue
                    }
                    if let request = take(frame, &context, at: time) { return request }
                } else {
                    guard let frame = try packet.decoder.next() else { return nil }
                    if let request = take(frame, of: &packet, &context, at: time) { return request }
                }
            }
        } catch {
            context.statistics.drop(.badFrame)
        }
        return nil
    }

    /// All frames of a packet are taken: an acknowledgement may be owed.
    mutating func finish(
        _ packet: PacketFrames, number: UInt64, isMarked: Bool, _ context: inout ConnectionContext,
        at time: MonotonicTime
    ) {
        if packet.elicits, isAssociated {
            association.owe(number, isMarked: isMarked, configuration: context.configuration, at: time)
        }
        markReady(&context)
    }

    @inline(__always)
    private mutating func take(
        _ frame: Frame, of packet: inout PacketFrames, _ context: inout ConnectionContext, at time: MonotonicTime
    ) -> ConnectionRequest? {
        switch frame {
        case .acknowledgement(let ranges, let delay, let marked):
            acknowledge(ranges, delay: delay, marked: marked, &context, at: time)
            return nil
        case .close:
            packet.elicits = false
            return .divide(end(.closed, &context, at: time))
        case .ping: break
        case .pathChallenge(let challenge):
            sendPathFrame(.pathResponse, challenge, to: packet.address, &context, at: time)
        case .pathResponse(let challenge):
            packet.elicits = true
            return confirmPath(challenge, &context).map { .remember($0) }
        case .control(let sequence, let control):
            if association.inbox.insert(sequence: sequence, control) {
                packet.hasControls = true
            } else {
                context.statistics.drop(.badFrame)
            }
        case .chunk(let transfer, let chunk, let range):
            packet.elicits = true
            guard let object = association.inbound.first(where: { $0.handle == transfer })?.object else {
                context.statistics.drop(.unwantedChunk)
                return nil
            }
            return .place(object, chunk: chunk, range: range)
        }
        packet.elicits = true
        return nil
    }

    private mutating func take(
        _ frame: ControlFrame, _ context: inout ConnectionContext, at time: MonotonicTime
    ) -> ConnectionRequest? {
        switch frame {
        case .message(let bytes): context.events.append(.message(from: remote.id, bytes))
        case .offer(let bytes): return .offer(bytes)
        case .evidence(let bytes): return .evidence(bytes)
        case .revocation(let bytes): return .revocation(bytes)
        case .record(let bytes): return .record(bytes)
        case .push(let body): return takePush(body, &context)
        case .credit(let transfer, let chunks):
            if let position = association.outbound.firstIndex(where: { $0.handle == transfer }) {
                association.outbound[position].allow(chunks: chunks)
            }
        case .want(let transfer, let object, let ranges):
            return .serve(object, transfer: transfer, ranges: ranges)
        case .cancel(let transfer, let reason):
            return takeCancel(of: transfer, reason: reason, &context)
        }
        return nil
    }

    private mutating func acknowledge(
        _ ranges: [ClosedRange<UInt64>], delay: Duration, marked: UInt32, _ context: inout ConnectionContext,
        at time: MonotonicTime
    ) {
        guard association.acknowledged(ranges, delay: delay, marked: marked, at: time) else {
            return context.statistics.drop(.badFrame)
        }
        association.settle(with: remote.id, &context)
    }
}
