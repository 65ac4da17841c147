import Basics
import Cryptography
import DequeModule

/// What an endpoint lends its connections: who it is and which limits it keeps, and what they all add to.
struct ConnectionContext: Sendable {
    let local: LocalPeer
    let swarm: SwarmSecret
    let configuration: WireConfiguration
    /// What both sides of a handshake must agree on.
    let prologue: [UInt8]
    /// The key of the code in handshake packets to us.
    let codeKey: [UInt8]

    var statistics = WireStatistics()
    var events = Deque<WireEvent>()
    /// Connections that may have something to send, in turn.
    var ready = Deque<ConnectionID>()
    var routes = SessionRoutes()
    var stamps: StampClock
    /// Where packets are decrypted to; grows to the longest packet, small as long as there are thousands of endpoints.
    var scratch = [UInt8](repeating: 0, count: 2048)
    /// Whether what has to outlive the process has changed.
    var hasNewMemory = false

    init(local: LocalPeer, swarm: SwarmSecret, configuration: WireConfiguration, stamps: StampClock) {
        self.local = local
        self.swarm = swarm
        self.configuration = configuration
        self.stamps = stamps
        prologue = Self.prologue(swarm: swarm)
        codeKey = HandshakePacket.codeKey(for: local.exchangeKey.publicKey)
    }

    /// What both sides of a handshake must agree on: the protocol's version and the swarm.
    static func prologue(swarm: SwarmSecret) -> [UInt8] {
        Array("murmuration/1".utf8) + swarm.identifier
    }
}

/// Gives initiations, records and incarnations of ours their numbers, which never repeat and grow with the wall clock as it
/// was at the start.
struct StampClock: Sendable {
    private let start: MonotonicTime
    private let startStamp: UInt64
    private var last: UInt64

    /// - Parameter stamp: nanoseconds of the wall clock, greater at every start of the peer.
    init(stamp: UInt64, at time: MonotonicTime) {
        start = time
        startStamp = stamp
        last = stamp
    }

    /// A number that nothing of ours has borne.
    mutating func fresh(at time: MonotonicTime) -> UInt64 {
        last = max(last + 1, wallClock(at: time))
        return last
    }

    /// Clocks may be wrong by so much. A timestamp further ahead is not taken: it would shut its owner out until the clocks
    /// have passed it.
    static let skew: UInt64 = 7 * 86_400 * 1_000_000_000

    /// The greatest timestamp that another peer's clock can be believed to show.
    func latestBelievable(at time: MonotonicTime) -> UInt64 {
        let (sum, isTooLarge) = wallClock(at: time).addingReportingOverflow(Self.skew)
        return isTooLarge ? .max : sum
    }

    /// The wall clock as it was at the start, and the time since.
    func wallClock(at time: MonotonicTime) -> UInt64 {
        startStamp &+ UInt64(max(0, time.nanoseconds - start.nanoseconds))
    }
}
