package import Basics
import Cryptography
import DequeModule

/// One peer's side of the protocol with all its neighbours: it routes packets to connections, and holds what these share,
/// the objects that are served and those on their way.
///
/// A value without a clock, a socket or a source of randomness: whoever owns it hands in datagrams, moments and
/// randomness, and drains `pollTransmit` and `pollEvent` after every call. The randomness becomes ephemeral keys: in
/// earnest it must be the system's.
package struct ProtocolEndpoint: Sendable {
    /// What the connections share.
    var context: ConnectionContext
    /// The connections, one for each peer of the allow list.
    var connections = ConnectionTable()

    var published: [ObjectID: PublishedObject] = [:]
    /// Objects on their way to us.
    var inbound = InboundTable()
    /// Bytes that objects on their way to us take up.
    package internal(set) var inboundByteCount = 0
    /// Bytes of objects that have arrived whole and wait in `pollEvent`.
    package internal(set) var undeliveredByteCount = 0
    /// Whether a source waits for credit.
    var hasPausedSources = false

    /// Datagrams to those that there is no connection with: cookies for senders of initiations, whoever they may be, and
    /// goodbyes to peers that are expelled. The last goes first.
    var strays: [Datagram] = []
    var isClosed = false
    /// The revocation of our own keys, if there is one.
    var ownRevocation: Revocation?
    /// Revocations of peers that were expelled since: a key that is revoked stays so.
    var formerRevocations: Deque<Revocation> = []
    /// Where we listen, and the record that says so, once it was needed.
    var ownAddresses: [NetworkAddress] = []
    var ownRecord: PeerRecord?
    var gate = InitiationGate()
    /// Where peers are said to be, or were.
    var knownAddresses: Set<NetworkAddress> = []
    /// The key under which our cookies are sealed.
    let cookieKey: [UInt8]

    /// Counters since the endpoint was made.
    package var statistics: WireStatistics { context.statistics }

    var configuration: WireConfiguration { context.configuration }
    var local: LocalPeer { context.local }
    var swarm: SwarmSecret { context.swarm }

    /// An endpoint of `local` that speaks with `remotes` only, and with whom it admits later.
    ///
    /// - Parameters:
    ///   - handshakeTimestamp: nanoseconds, greater at every start of this peer: the shell passes the wall clock.
    ///   - memory: what the peer's last process knew.
    package init(
        local: LocalPeer, remotes: [RemotePeer], swarm: SwarmSecret, configuration: WireConfiguration,
        handshakeTimestamp: UInt64, memory: EndpointMemory = EndpointMemory(), at time: MonotonicTime
    ) {
        context = ConnectionContext(
            local: local, swarm: swarm, configuration: configuration,
            stamps: StampClock(stamp: handshakeTimestamp, at: time))
        cookieKey = CookieReply.key(for: local.exchangeKey.publicKey)
        for remote in remotes.sorted(by: { $0.id < $1.id }) where remote.id != local.id {
            insert(remote, incarnation: handshakeTimestamp, at: time)
        }
        ownAddresses = Self.tellable(local.addresses)
        restore(memory, handshakeTimestamp: handshakeTimestamp)
        knownAddresses = addressesOfPeers()
    }

    /// What both sides of a handshake must agree on: the protocol's version and the swarm.
    static func prologue(swarm: SwarmSecret) -> [UInt8] { ConnectionContext.prologue(swarm: swarm) }

    /// The next event; nil if there is none.
    package mutating func pollEvent() -> WireEvent? {
        let event = context.events.popFirst()
        switch event {
        case .received(_, _, let bytes), .receivedLeaves(_, _, _, let bytes): undeliveredByteCount -= bytes.count
        default: break
        }
        return event
    }

    /// Does what a connection asks for.
    mutating func perform(_ request: ConnectionRequest, for id: ConnectionID, at time: MonotonicTime) {
        switch request {
        case .offer(let bytes): receiveOffer(bytes, from: id)
        case .evidence(let bytes): receiveEvidence(bytes, from: id)
        case .revocation(let bytes): receiveRevocation(bytes, from: id, at: time)
        case .record(let bytes): receiveRecord(bytes, from: id, at: time)
        case .beginPush(let manifest, let prefix): beginPush(manifest: manifest, prefix: prefix, from: id)
        case .takePush(let push): takePush(push, from: id)
        case .serve(let object, let transfer, let ranges):
            connections[id].serve(published[object], transfer: transfer, ranges: ranges, &context)
        case .place(let object, let chunk, let range): place(chunk, of: object, range: range, from: id, at: time)
        case .repeatRequest(let object): repeatRequest(for: object, to: id, at: time)
        case .giveUp(let object):
            connections[id].endSource(of: object, reason: .timedOut, cancels: true, &context)
            release([object], from: id, at: time)
        case .divide(let objects): release(objects, from: id, at: time)
        case .remember(let address): remember(address)
        }
    }
}

extension ProtocolEndpoint {
    /// When `handleTimeout` is to be called next; nil if nothing is due.
    package var nextDeadline: MonotonicTime? {
        guard !isClosed else { return nil }
        if mayResume { return .zero }
        let earliest = connections.earliestDeadline(context.configuration)
        return earliest == .distantFuture ? nil : earliest
    }

    /// Does what is due at `time`; to be called when `nextDeadline` has come.
    package mutating func handleTimeout(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {
        guard !isClosed else { return }
        resume(at: time)
        for place in 0..<connections.count where connections.deadline(at: place, context.configuration) <= time {
            let id = connections.ids[place]
            for timer in ConnectionTimer.allCases {
                // Asked anew for each: what one timer does may stop the next.
                guard let deadline = connections.deadline(of: timer, for: id, context.configuration), deadline <= time
                else { continue }
                let requests = connections[id].expire(timer, &context, at: time, using: &generator)
                for request in requests { perform(request, for: id, at: time) }
            }
            if connections[id].isAssociated { connections[id].markReady(&context) }
        }
        connections.rememberDeadlines(context.configuration)
    }
}

extension ProtocolEndpoint {
    /// What has grown beyond its limit (docs/protocol.md, "Limits"); nil where nothing has. For checkers: whatever arrives,
    /// nothing may.
    package var brokenBound: String? {
        for id in connections.ids {
            if let bound = connections[id].brokenBound(configuration) { return bound }
        }
        if inboundByteCount > configuration.inboundByteLimit {
            return "\(inboundByteCount) bytes of objects on their way"
        }
        if knownAddresses.count > 4 * connections.count + 1 { return "\(knownAddresses.count) addresses" }
        if context.routes.count > 4 * connections.count { return "\(context.routes.count) session indices" }
        return nil
    }
}
