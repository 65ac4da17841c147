import Basics
import Cryptography

/// Addresses that change in mid-session, as behind a router that forgets whom it translated.
extension ProtocolEndpoint {
    /// An authentic packet, the newest of its association, came from `address`.
    mutating func noticeAddress(
        _ address: NetworkAddress, byteCount: Int, of index: Int, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        guard let session = neighbours[index].current else { return }
        guard session.address != address else {
            // The newest packets come from where they came before: it has not moved.
            if neighbours[index].validation != nil { neighbours[index].validation = nil }
            return
        }
        if neighbours[index].validation?.address != address {
            neighbours[index].validation = PathValidation(address: address, at: time, using: &generator)
        }
        guard neighbours[index].validation!.received(byteCount: byteCount, at: time) else { return }
        sendPathFrame(
            .pathChallenge, neighbours[index].validation!.challenge, to: address, of: index, at: time)
    }

    /// Answers a challenge to where it came from.
    mutating func receivePathChallenge(
        _ challenge: [UInt8], from address: NetworkAddress, of index: Int, at time: MonotonicTime
    ) {
        sendPathFrame(.pathResponse, challenge, to: address, of: index, at: time)
    }

    /// The other side has received the challenge: packets go to its new address from now on.
    mutating func receivePathResponse(_ challenge: [UInt8], of index: Int, at time: MonotonicTime) {
        guard let validation = neighbours[index].validation, neighbours[index].current != nil,
            equalInConstantTime(validation.challenge, challenge)
        else { return }
        let before = neighbours[index].current!.address
        neighbours[index].validation = nil
        neighbours[index].current!.address = validation.address
        neighbours[index].lastAddress = validation.address
        remember(validation.address)
        statistics.pathsChanged += 1
        // Another port of the same router leads over the same path; another address may not.
        if before.host != validation.address.host {
            neighbours[index].association?.recovery.beginPath(configuration: configuration)
        }
        markReady(index)
    }

    /// Keeps an address among those where peers are known to be.
    mutating func remember(_ address: NetworkAddress) {
        // Of peers that wander the old places are forgotten.
        if knownAddresses.count > 4 * neighbours.count {
            knownAddresses = Set(neighbours.compactMap(\.lastAddress))
        }
        knownAddresses.insert(address)
    }

    private mutating func sendPathFrame(
        _ type: FrameType, _ challenge: [UInt8], to address: NetworkAddress, of index: Int, at time: MonotonicTime
    ) {
        guard canSend(index, at: time), neighbours[index].isAssociated else { return }
        let number = neighbours[index].association!.recovery.nextNumber
        var packet = DataPacket.header(
            receiverIndex: neighbours[index].current!.remoteIndex, number: number,
            capacity: PathValidation.packetByteCount)
        packet.append(type.rawValue)
        packet += challenge
        neighbours[index].current!.sendCipher.seal(
            &packet, headerByteCount: DataPacket.headerByteCount, counter: number)
        neighbours[index].current!.packetsSent += 1
        neighbours[index].association!.recovery.sent(
            byteCount: packet.count, elicits: true, chunks: nil, controls: [], at: time)
        sendOutside(Datagram(address: address, bytes: packet), to: index)
    }
}
