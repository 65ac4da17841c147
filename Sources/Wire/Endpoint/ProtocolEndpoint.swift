package import Basics
import Cryptography

/// One peer's side of the protocol with all its neighbours: handshakes, sessions, recovery, messages and objects.
///
/// A value without a clock, a socket or a source of randomness: whoever owns it hands in datagrams, moments and
/// randomness, and drains `pollTransmit` and `pollEvent` after every call. The randomness becomes ephemeral keys: in
/// earnest it must be the system's.
package struct ProtocolEndpoint: Sendable {
    /// Counters since the endpoint was made.
    package internal(set) var statistics = WireStatistics()

    let local: LocalPeer
    let swarm: SwarmSecret
    let configuration: WireConfiguration
    let prologue: [UInt8]
    /// The key of the code in handshake packets to us.
    let codeKey: [UInt8]

    /// The allow list, in the order of identities.
    var neighbours: NeighbourTable
    let neighbourOfPeer: [PeerID: Int]
    let neighbourOfKey: [[UInt8]: Int]
    /// Which neighbour a receiver index belongs to.
    var neighbourOfIndex: [UInt32: Int] = [:]
    var published: [ObjectID: PublishedObject] = [:]
    /// Objects on their way to us.
    var inbound = InboundTable()
    /// Bytes that objects on their way to us take up.
    package internal(set) var inboundByteCount = 0
    /// Bytes of objects that have arrived whole and wait in `pollEvent`.
    package internal(set) var undeliveredByteCount = 0
    /// Whether a holder waits for credit.
    var holdsBack = false

    /// Neighbours that may have something to send, in turn.
    var ready = Fifo<Int>()
    var events = Fifo<WireEvent>()
    /// Cookies for senders of initiations, whoever they may be.
    var cookies: [Datagram] = []
    /// Where packets are decrypted to; grows to the longest packet, small as long as there are thousands of endpoints.
    var scratch = [UInt8](repeating: 0, count: 2048)
    var isClosed = false
    /// The revocation of our own keys, if there is one.
    var ownRevocation: Revocation?
    /// Where we listen, and the record that says so, once it was needed.
    var ownAddresses: [NetworkAddress] = []
    var ownRecord: PeerRecord?
    /// Whether what has to outlive the process has changed.
    var hasNewMemory = false

    private let start: MonotonicTime
    private let startStamp: UInt64
    private var lastStamp: UInt64
    var gate = InitiationGate()
    /// Where neighbours are said to be, or were.
    var knownAddresses: Set<NetworkAddress> = []
    /// The key under which our cookies are sealed.
    let cookieKey: [UInt8]

    /// An endpoint of `local` that speaks with `remotes` only.
    ///
    /// - Parameters:
    ///   - handshakeTimestamp: nanoseconds, greater at every start of this peer: the shell passes the wall clock.
    ///   - memory: what the peer's last process knew.
    package init(
        local: LocalPeer, remotes: [RemotePeer], swarm: SwarmSecret, configuration: WireConfiguration,
        handshakeTimestamp: UInt64, memory: EndpointMemory = EndpointMemory(), at time: MonotonicTime
    ) {
        self.local = local
        self.swarm = swarm
        self.configuration = configuration
        prologue = Self.prologue(swarm: swarm)
        codeKey = HandshakePacket.codeKey(for: local.exchangeKey.publicKey)
        cookieKey = CookieReply.key(for: local.exchangeKey.publicKey)
        start = time
        startStamp = handshakeTimestamp
        lastStamp = handshakeTimestamp
        neighbours = NeighbourTable(
            remotes.filter { $0.id != local.id }.sorted { $0.id < $1.id }.map { remote in
                Neighbour(
                    remote: remote, codeKey: HandshakePacket.codeKey(for: remote.exchangeKey),
                    lastAddress: remote.address, incarnation: handshakeTimestamp)
            })
        let entries = neighbours.enumerated()
        neighbourOfPeer = Dictionary(entries.map { ($1.remote.id, $0) }, uniquingKeysWith: { first, _ in first })
        neighbourOfKey = Dictionary(
            entries.map { ($1.remote.exchangeKey, $0) }, uniquingKeysWith: { first, _ in first })
        ownAddresses = Self.tellable(local.addresses)
        restore(memory, handshakeTimestamp: handshakeTimestamp)
        knownAddresses = Set(
            neighbours.compactMap(\.lastAddress) + neighbours.compactMap(\.remote.address))
    }

    /// What both sides of a handshake must agree on: the protocol's version and the swarm.
    static func prologue(swarm: SwarmSecret) -> [UInt8] {
        Array("murmuration/1".utf8) + swarm.identifier
    }

    /// The next event; nil if there is none.
    package mutating func pollEvent() -> WireEvent? {
        let event = events.popFirst()
        if case .received(_, _, let payload) = event { undeliveredByteCount -= payload.count }
        return event
    }

    /// A number that no initiation and no record of ours has borne, and that grows with the wall clock as it was at the start.
    mutating func freshStamp(at time: MonotonicTime) -> UInt64 {
        lastStamp = max(lastStamp + 1, wallClock(at: time))
        return lastStamp
    }

    /// The wall clock as it was at the start, and the time since.
    func wallClock(at time: MonotonicTime) -> UInt64 {
        startStamp &+ UInt64(max(0, time.nanoseconds - start.nanoseconds))
    }

    /// Puts the neighbour into the queue of those that may have something to send.
    mutating func markReady(_ index: Int) {
        guard !neighbours[index].isReady else { return }
        neighbours[index].isReady = true
        ready.append(index)
    }
}
