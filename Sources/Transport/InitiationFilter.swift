import NIOCore

/// Thins out floods of handshakes' first messages where they enter the process. Up to so many a second all pass; beyond,
/// those from addresses that we have sent handshakes or data to, and of the others one in sixteen, picked at random: a
/// stranger that tries again and again gets through, and a flood costs little more than its reception.
struct InitiationFilter {
    /// The first byte of an initiation.
    static let initiation: UInt8 = 1
    /// The first byte of a cookie: who is only sent these is still a stranger.
    private static let cookie: UInt8 = 3
    /// Initiations a second that all pass.
    static let rate = 2000
    private static let partnerLimit = 4096

    private var second: UInt64 = 0
    private var arrived = 0
    private var partners: Set<SocketAddress> = []
    private var lastPartner: SocketAddress?
    private var random: UInt64

    init() {
        var generator = SystemRandomNumberGenerator()
        random = generator.next() | 1
    }

    /// Whether an initiation is to be handed on.
    mutating func admits(from address: SocketAddress, at time: NIODeadline) -> Bool {
        let present = time.uptimeNanoseconds / 1_000_000_000
        if present != second {
            second = present
            arrived = 0
        }
        arrived += 1
        guard arrived > Self.rate else { return true }
        if draw() & 15 == 0 { return true }
        return partners.contains(address)
    }

    /// Notes whom datagrams are sent to.
    mutating func sent(_ bytes: [UInt8], to address: SocketAddress) {
        guard address != lastPartner, let type = bytes.first, type != Self.cookie else { return }
        lastPartner = address
        if partners.count >= Self.partnerLimit { partners = [] }
        partners.insert(address)
    }

    /// Pseudo-random bits (xorshift64*): nobody outside sees them, and nothing secret depends on them.
    private mutating func draw() -> UInt64 {
        random ^= random >> 12
        random ^= random << 25
        random ^= random >> 27
        return (random &* 0x2545_f491_4f6c_dd1d) >> 32
    }
}
