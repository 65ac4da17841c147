import Basics
import Cryptography

/// The check that the other side receives at an address from which its packets have begun to come: a challenge goes there,
/// and only when its answer comes back do packets follow. Until then no more bytes go there than have come from there.
struct PathValidation: Sendable {
    /// Where the other side seems to be now.
    let address: NetworkAddress
    /// What the answer must repeat.
    let challenge: [UInt8]

    private var byteAllowance = 0
    private var nextTime: MonotonicTime

    /// The pause before a challenge is repeated.
    static let pause = Duration.milliseconds(250)
    /// Bytes of a packet with a challenge.
    static let packetByteCount = DataPacket.overhead + 1 + FrameEncoder.challengeByteCount

    init(address: NetworkAddress, at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        self.address = address
        challenge = generator.bytes(count: FrameEncoder.challengeByteCount)
        nextTime = time
    }

    /// `byteCount` authentic bytes came from the address.
    ///
    /// - Returns: whether a challenge is to be sent now.
    mutating func received(byteCount: Int, at time: MonotonicTime) -> Bool {
        byteAllowance += byteCount
        guard time >= nextTime, byteAllowance >= Self.packetByteCount else { return false }
        byteAllowance -= Self.packetByteCount
        nextTime = time + Self.pause
        return true
    }
}

/// Addresses that change in mid-session, as behind a router that forgets whom it translated.
extension Connection {
    /// An authentic packet, the newest of the association, came from `address`.
    mutating func noticeAddress(
        _ address: NetworkAddress, byteCount: Int, _ context: inout ConnectionContext, at time: MonotonicTime,
        using generator: inout some RandomNumberGenerator
    ) {
        guard sessions.current != nil else { return }
        guard sessions.current!.address != address else {
            // The newest packets come from where they came before: it has not moved.
            if validation != nil { validation = nil }
            return
        }
        if validation?.address != address {
            validation = PathValidation(address: address, at: time, using: &generator)
        }
        guard validation!.received(byteCount: byteCount, at: time) else { return }
        sendPathFrame(.pathChallenge, validation!.challenge, to: address, &context, at: time)
    }

    /// An answer to a challenge has come. If it is the right one, packets go to the new address from now on.
    ///
    /// - Returns: the new address.
    mutating func confirmPath(_ challenge: [UInt8], _ context: inout ConnectionContext) -> NetworkAddress? {
        guard let confirmed = validation, sessions.current != nil, equalInConstantTime(confirmed.challenge, challenge)
        else { return nil }
        let before = sessions.current!.address
        validation = nil
        sessions.current!.address = confirmed.address
        lastAddress = confirmed.address
        context.statistics.pathsChanged += 1
        // Another port of the same router leads over the same path; another address may not.
        if before.host != confirmed.address.host {
            association.recovery.beginPath(configuration: context.configuration)
        }
        markReady(&context)
        return confirmed.address
    }

    /// Sends a challenge or its answer to an address that packets do not go to otherwise.
    mutating func sendPathFrame(
        _ type: FrameType, _ challenge: [UInt8], to address: NetworkAddress, _ context: inout ConnectionContext,
        at time: MonotonicTime
    ) {
        guard isAssociated, sessions.canSend(life: context.configuration.rejectAfter, at: time) else { return }
        let number = association.recovery.nextNumber
        var packet = DataPacket.header(
            receiverIndex: sessions.current!.remoteIndex, number: number, capacity: PathValidation.packetByteCount)
        packet.append(type.rawValue)
        packet += challenge
        sessions.current!.sendCipher.seal(&packet, headerByteCount: DataPacket.headerByteCount, counter: number)
        sessions.current!.packetsSent += 1
        association.recovery.sent(byteCount: packet.count, elicits: true, chunks: nil, controls: [], at: time)
        sendOutside(Datagram(address: address, bytes: packet), &context)
    }
}
