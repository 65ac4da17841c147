package import Basics
import Cryptography

/// What is known of the way to a peer with which a session stands.
package struct PathReport: Sendable, Hashable {
    /// Where the peer is.
    package let address: NetworkAddress
    /// The mean round trip; nil before the first acknowledgement.
    package let roundTrip: Duration?
    /// Bytes of the longest datagram that is known to pass.
    package let datagramByteCount: Int
    /// Whether no longer datagram is worth trying now.
    package let isSizeKnown: Bool
    /// What the peer calls its side of the association: the moment at which it began, on its own clock, in nanoseconds since
    /// 1970. The peer began it when its process started, or when the association before ended.
    package let incarnation: UInt64
}

extension ProtocolEndpoint {
    /// What is known of the way to `peer`; nil where no session stands.
    package func path(to peer: PeerID, at time: MonotonicTime) -> PathReport? {
        guard let id = connections.id(of: peer), connections[id].isAssociated,
            let session = connections[id].sessions.current
        else { return nil }
        let recovery = connections[id].association.recovery
        return PathReport(
            address: session.address, roundTrip: recovery.roundTrip.minimum.map { _ in recovery.roundTrip.smoothed },
            datagramByteCount: recovery.path.byteCount, isSizeKnown: recovery.path.isSettled(at: time),
            incarnation: session.remoteIncarnation)
    }

    /// Whether a datagram is the first message of a handshake, which begins nothing at the other side as long as nothing
    /// else follows its answer.
    package static func isInitiation(_ datagram: Datagram) -> Bool {
        datagram.bytes.first == PacketType.initiation.rawValue
    }
}
