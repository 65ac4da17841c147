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

    /// Bytes of a challenge and of its answer.
    static let challengeByteCount = 8
    /// The pause before a challenge is repeated.
    static let pause = Duration.milliseconds(250)
    /// Bytes of a packet with a challenge.
    static let packetByteCount = DataPacket.overhead + 1 + challengeByteCount

    init(address: NetworkAddress, at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        self.address = address
        challenge = generator.bytes(count: Self.challengeByteCount)
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
