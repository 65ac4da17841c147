import Basics
import Cryptography

/// All that an endpoint has with one remote peer: the handshake, the sessions that it gave, the association that outlives
/// them with its recovery, control frames and transfers, the path, and what the peer has signed.
///
/// A value that its endpoint drives. It is handed packets (`open`, `accept`, `nextRequest`), moments (`expire`) and things to
/// send, it is polled for datagrams (`nextDatagram`), and it says when it has to be woken (`nextDeadline`). What needs an
/// object or another connection it leaves to the endpoint: it returns a `ConnectionRequest`, or the objects that it was
/// asked for and has lost.
struct Connection: Sendable {
    let id: ConnectionID
    /// The peer's entry in the allow list.
    var remote: RemotePeer
    /// The key of the code in handshake packets to the peer.
    let codeKey: [UInt8]
    /// What the peer has signed, and what speaks against it.
    var standing = PeerStanding()

    // Handshake
    /// Whether a session is wanted.
    var isWanted = false
    /// What we call the present association in handshakes; a new one says that we have forgotten what was before.
    var incarnation: UInt64
    /// The greatest timestamp of the peer's initiations.
    var greatestTimestamp: UInt64 = 0
    /// Our initiation that is not answered yet.
    var handshake: OutgoingHandshake?
    /// A cookie that the peer gave us when it was under load, and when.
    var cookie: (bytes: [UInt8], time: MonotonicTime)?
    /// When the next initiation is due.
    var nextHandshake: MonotonicTime?
    /// Initiations since the last success.
    var tries = 0

    // Path
    /// Where the peer was last seen, if it has no address in the allow list.
    var lastAddress: NetworkAddress?
    /// The check of an address from which the peer's packets have begun to come.
    var validation: PathValidation?

    // Session
    var sessions = Sessions()
    /// The present association; an empty one where there is none.
    var association: Association
    /// Whether there is an association.
    private(set) var isAssociated = false
    /// Control frames that wait for an association.
    var waiting: [ControlFrame] = []
    /// Handshake, path and goodbye packets that are to be sent.
    var outbox: [Datagram] = []
    /// Whether the connection is in the endpoint's queue of those that may have something to send.
    private(set) var isReady = false

    /// A connection with `remote`, without a session.
    init(
        id: ConnectionID, remote: RemotePeer, incarnation: UInt64, configuration: WireConfiguration,
        at time: MonotonicTime
    ) {
        self.id = id
        self.remote = remote
        codeKey = HandshakePacket.codeKey(for: remote.exchangeKey)
        lastAddress = remote.address
        self.incarnation = incarnation
        association = Association(remoteIncarnation: 0, configuration: configuration, at: time)
    }

    /// An association with the peer's present incarnation begins.
    mutating func associate(with incarnation: UInt64, _ context: inout ConnectionContext, at time: MonotonicTime) {
        association = Association(remoteIncarnation: incarnation, configuration: context.configuration, at: time)
        isAssociated = true
        for frame in waiting { _ = association.controls.append(frame) }
        waiting = []
        context.events.append(.connected(remote.id))
    }

    /// The association ends, whatever becomes of the sessions.
    ///
    /// - Returns: the objects that the peer was asked for, all of them reported as failed.
    mutating func dissociate(_ context: inout ConnectionContext, at time: MonotonicTime) -> [ObjectID] {
        guard isAssociated else { return [] }
        let lost = association.inbound.map(\.object)
        for object in lost {
            context.events.append(.transferFailed(object, from: remote.id, .disconnected))
        }
        forgetAssociation(&context, at: time)
        return lost
    }

    /// The association ends, of which the layer above is only told what has been delivered.
    mutating func forgetAssociation(_ context: inout ConnectionContext, at time: MonotonicTime) {
        for delivery in association.deliveries.unfinished {
            context.events.append(.delivered(delivery, to: remote.id))
        }
        association = Association(remoteIncarnation: 0, configuration: context.configuration, at: time)
        isAssociated = false
    }

    /// Ends the association and its sessions: everything about it is forgotten, and the next one has another name.
    ///
    /// - Returns: the objects that the peer was asked for.
    mutating func end(
        _ reason: DisconnectReason, _ context: inout ConnectionContext, at time: MonotonicTime
    ) -> [ObjectID] {
        let lost = dissociate(&context, at: time)
        sessions.dropAll(routes: &context.routes)
        context.routes.release(handshake?.localIndex)
        handshake = nil
        validation = nil
        waiting = []
        incarnation = context.stamps.fresh(at: time)
        // A peer that has said goodbye is not expected back at once, nor wanted one that keeps to no limit.
        let isLater = reason == .closed || reason == .overrun
        tries = isLater ? 10 : 0
        let pause = isLater ? context.configuration.handshakeRetryLimit : .zero
        nextHandshake = isWanted ? time + pause : nil
        context.events.append(.disconnected(remote.id, reason))
        return lost
    }

    /// Queues a control frame; before there is an association it waits.
    ///
    /// - Returns: false if as many as allowed already wait.
    mutating func enqueue(_ frame: ControlFrame, _ context: inout ConnectionContext) -> Bool {
        if isAssociated {
            guard association.controls.append(frame) else { return false }
            markReady(&context)
            return true
        }
        guard waiting.count < context.configuration.controlQueueLimit else { return false }
        waiting.append(frame)
        return true
    }

    /// How many more control frames may wait.
    func controlRoom(_ configuration: WireConfiguration) -> Int {
        isAssociated ? association.controls.room : configuration.controlQueueLimit - waiting.count
    }

    /// Queues a packet that is made already; of many, the last few count.
    mutating func sendOutside(_ datagram: Datagram, _ context: inout ConnectionContext) {
        outbox.append(datagram)
        if outbox.count > Self.outboxLimit { outbox.removeFirst() }
        markReady(&context)
    }

    private static let outboxLimit = 4

    /// Joins the queue of those that may have something to send.
    mutating func markReady(_ context: inout ConnectionContext) {
        guard !isReady else { return }
        isReady = true
        context.ready.append(id)
    }

    /// Has left that queue.
    mutating func markIdle() { isReady = false }

    /// What has grown beyond its limit; nil where nothing has.
    func brokenBound(_ configuration: WireConfiguration) -> String? {
        if outbox.count > Self.outboxLimit { return "\(outbox.count) packets outside sessions" }
        if waiting.count > configuration.controlQueueLimit { return "\(waiting.count) frames that wait for a session" }
        return association.brokenBound(configuration)
    }
}
