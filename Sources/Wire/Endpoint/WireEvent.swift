package import Overlay

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
    /// A requested object arrived whole, every leaf verified.
    case received(from: PeerID, SignedManifest, payload: [UInt8])
    /// A requested object will not arrive from this peer.
    case transferFailed(ObjectID, from: PeerID, TransferFailure)
}

/// Why an association ended.
package enum DisconnectReason: Sendable, Hashable {
    /// The peer said goodbye.
    case closed
    /// Nothing came from the peer for the idle timeout.
    case idle
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
