import Basics
import Cryptography

/// The keys that one handshake gave, and what is needed to use them.
struct Session: Sendable {
    /// The number by which the other side addresses this session to us.
    let localIndex: UInt32
    /// The number by which we address it.
    let remoteIndex: UInt32
    let sendCipher: AuthenticatedCipher
    let receiveCipher: AuthenticatedCipher
    /// Whether our initiation led to it.
    let isInitiator: Bool
    let established: MonotonicTime
    /// The other side's incarnation, as the handshake said: a new one means that it has forgotten what was before.
    let remoteIncarnation: UInt64
    /// Where the other side was when it last proved itself.
    var address: NetworkAddress
    /// Packets sent under these keys.
    var packetsSent: UInt64 = 0
}

/// The sessions with one peer: keys are replaced every two minutes, and for a while packets come under the old ones and the
/// new ones.
struct Sessions: Sendable {
    /// The session that packets are sent under.
    var current: Session?
    /// The session before, for packets that were under way.
    private(set) var previous: Session?
    /// A session that we answered for, until its first packet proves that the other side has it too.
    private(set) var next: Session?

    /// Whether there is a session that packets may be sent under.
    func canSend(life: Duration, at time: MonotonicTime) -> Bool {
        guard let established = current?.established else { return false }
        return time < established + life
    }

    /// The cipher of the session that the index names, the other side's incarnation, and whether it is the one that
    /// waits for its first packet; nil if there is none or it is too old.
    func receiving(
        _ receiverIndex: UInt32, life: Duration, at time: MonotonicTime
    ) -> (cipher: AuthenticatedCipher, incarnation: UInt64, isNext: Bool)? {
        func usable(_ session: Session?) -> Bool {
            guard let session, session.localIndex == receiverIndex else { return false }
            return time < session.established + life
        }
        if usable(current) { return (current!.receiveCipher, current!.remoteIncarnation, false) }
        if usable(next) { return (next!.receiveCipher, next!.remoteIncarnation, true) }
        if usable(previous) { return (previous!.receiveCipher, previous!.remoteIncarnation, false) }
        return nil
    }

    /// When the first of the sessions is so old that it carries nothing any more.
    func expiry(life: Duration) -> MonotonicTime? {
        var established: MonotonicTime?
        if let time = current?.established { established = time }
        if let time = previous?.established { established = min(established ?? time, time) }
        if let time = next?.established { established = min(established ?? time, time) }
        return established.map { $0 + life }
    }

    /// Forgets the keys of sessions that carry nothing any more.
    mutating func dropExpired(life: Duration, at time: MonotonicTime, routes: inout SessionRoutes) {
        func isExpired(_ session: Session?) -> Bool { session.map { $0.established + life <= time } ?? false }
        if isExpired(current) {
            routes.release(current!.localIndex)
            current = nil
        }
        if isExpired(previous) { dropPrevious(routes: &routes) }
        if isExpired(next) { dropNext(routes: &routes) }
    }

    /// We have answered for `session`: it waits for its first packet. There must be no other that does.
    mutating func expect(_ session: Session) { next = session }

    /// Takes out the session that has just got its first packet.
    mutating func takeNext() -> Session? {
        defer { next = nil }
        return next
    }

    /// Makes `session` the one that packets are sent under.
    mutating func use(_ session: Session, routes: inout SessionRoutes) {
        routes.release(previous?.localIndex)
        previous = current
        current = session
    }

    /// Forgets the session before.
    mutating func dropPrevious(routes: inout SessionRoutes) {
        routes.release(previous?.localIndex)
        previous = nil
    }

    /// Forgets the session that waits for its first packet.
    mutating func dropNext(routes: inout SessionRoutes) {
        routes.release(next?.localIndex)
        next = nil
    }

    /// Forgets all sessions.
    mutating func dropAll(routes: inout SessionRoutes) {
        routes.release(current?.localIndex)
        current = nil
        dropPrevious(routes: &routes)
        dropNext(routes: &routes)
    }
}
