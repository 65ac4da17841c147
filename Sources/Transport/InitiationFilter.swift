import NIOCore

/// Thins out floods of handshakes' first messages where they enter the process. Up to so many a second all pass; beyond,
/// those from addresses that we have sent handshakes or data to, and of the others one in sixteen, picked at random: a
/// stranger that tries again and again gets through, and a flood costs little more than its reception. When even that is
/// much, the system is asked to do the same before it delivers them (`SocketFilter`).
struct InitiationFilter {
    /// The first byte of an initiation.
    static let initiation: UInt8 = 1
    /// The first byte of a cookie: who is only sent these is still a stranger.
    private static let cookie: UInt8 = 3
    /// Initiations a second that all pass.
    static let rate = 2000
    /// Initiations a second from which on the system is to thin them out.
    static let systemRate = 5000
    /// Seconds without a flood after which the system need not any more.
    static let calmSeconds: UInt64 = 5
    private static let partnerLimit = 4096

    private var second: UInt64 = 0
    private var arrived = 0
    private var lastFlood: UInt64 = 0
    private var random: UInt64
    private var lastPartner: SocketAddress?
    /// Whom we have sent handshakes or data to.
    private(set) var partners: Set<SocketAddress> = []
    /// Whether partners have been added since the system was last told.
    private(set) var hasNewPartners = false
    /// Whether the system thins them out.
    private(set) var isDelegated = false

    /// What is to be done about the system's filter.
    enum Change {
        case none, attach, detach
    }

    init() {
        var generator = SystemRandomNumberGenerator()
        // Any but zero, which xorshift never leaves.
        random = generator.next() | 1
    }

    /// How many of `count` initiations that arrived as one (the system puts together what comes from one address) are to be
    /// handed on. Nobody who wants a session sends several at once: in a flood one of a stranger's train is enough.
    mutating func admitted(_ count: Int, from address: SocketAddress, at time: NIODeadline) -> Int {
        begin(time.uptimeNanoseconds / 1_000_000_000)
        arrived += count
        guard isDelegated || arrived > Self.rate else { return count }
        if partners.contains(address) { return count }
        // What the system has thinned out already is not thinned out again before there is very much of it.
        guard arrived > (isDelegated ? Self.systemRate : Self.rate) else { return 1 }
        return draw() & 15 == 0 ? 1 : 0
    }

    /// What should change about the system's filter; to be asked now and then.
    mutating func change(at time: NIODeadline) -> Change {
        let present = time.uptimeNanoseconds / 1_000_000_000
        if isDelegated {
            if present >= lastFlood + Self.calmSeconds { return .detach }
            return hasNewPartners ? .attach : .none
        }
        return present == second && arrived > Self.systemRate ? .attach : .none
    }

    /// The system does as it was asked from now on.
    mutating func delegated(_ isDelegated: Bool) {
        self.isDelegated = isDelegated
        hasNewPartners = false
        lastFlood = second
        arrived = 0
    }

    private mutating func begin(_ present: UInt64) {
        guard present != second else { return }
        // Of sixteen one arrives.
        if isDelegated, arrived * 16 > Self.systemRate { lastFlood = second }
        second = present
        arrived = 0
    }

    /// Notes whom datagrams are sent to.
    mutating func sent(_ bytes: [UInt8], to address: SocketAddress) {
        guard address != lastPartner, let type = bytes.first, type != Self.cookie else { return }
        lastPartner = address
        if partners.count >= Self.partnerLimit { partners = [] }
        if partners.insert(address).inserted { hasNewPartners = true }
    }

    /// Pseudo-random bits (xorshift64*): nobody outside sees them, and nothing secret depends on them.
    private mutating func draw() -> UInt64 {
        random ^= random >> 12
        random ^= random << 25
        random ^= random >> 27
        return (random &* 0x2545_f491_4f6c_dd1d) >> 32
    }
}
