package import Basics

/// What the protocol reports to the layer above.
package enum WireEvent: Sendable, Hashable {
    /// A session with the peer stands. Again after every `disconnected`.
    case connected(PeerID)
    /// The association with the peer ended: messages that it did not acknowledge and transfers from it are lost.
    case disconnected(PeerID, DisconnectReason)
    /// A message arrived; messages of one peer arrive in the order in which they were sent.
    case message(from: PeerID, [UInt8])
    /// The peer offers an object; the signature is valid and the origin is a peer of the swarm.
    case announced(from: PeerID, SignedManifest)
    /// The peer was proved to have said two things: nothing of its making is taken any more. Once for each peer.
    case equivocated(EquivocationProof)
    /// The peer's keys were revoked: no session with it stands or will stand. Once for each peer.
    case revoked(PeerID)
    /// A requested object arrived whole, every leaf verified.
    case received(from: PeerID, SignedManifest, payload: [UInt8])
    /// Those leaves of an object that were requested arrived, each verified.
    case receivedLeaves(Range<Int>, from: PeerID, SignedManifest, bytes: [UInt8])
    /// What the peer has acknowledged of an object that it was sent: so many of the payload's `of` bytes. Once for each object
    /// and association, as soon as it is all of them; or less, when the object is retired or the association ends. Nothing
    /// is said of an object that was only offered. Other holders may have sent the rest.
    case delivered(ObjectID, to: PeerID, byteCount: Int, of: Int)
    /// A requested object will not arrive from this peer.
    case transferFailed(ObjectID, from: PeerID, TransferFailure)
}

extension WireEvent {
    /// What there is to say of a delivery.
    static func delivered(_ delivery: Delivery, to peer: PeerID) -> WireEvent {
        .delivered(
            delivery.object, to: peer, byteCount: delivery.acknowledgedByteCount, of: delivery.byteCount)
    }
}

/// Why an association ended.
package enum DisconnectReason: Sendable, Hashable {
    /// The peer said goodbye.
    case closed
    /// Nothing came from the peer for the idle timeout.
    case idle
    /// The peer sent more of an object than it had credit for.
    case overrun
    /// The peer's keys were revoked: there will be no session with it any more.
    case revoked
    /// The peer was taken off the allow list.
    case expelled
    /// The peer began anew: it has forgotten what was before. A `connected` follows at once.
    case restarted
}

/// Why an object will not arrive.
package enum TransferFailure: Sendable, Hashable {
    /// No manifest of this object is known, as no peer has announced it.
    case unknownObject
    /// The peer does not serve the object (any more).
    case unavailable
    /// As many objects, or bytes of objects, as allowed are already on their way.
    case limitReached
    /// The peer served bytes that do not belong to the object.
    case corrupt
    /// Nothing of the object arrived for the transfer timeout.
    case timedOut
    /// The association with the peer ended, or there is none.
    case disconnected
}
