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
