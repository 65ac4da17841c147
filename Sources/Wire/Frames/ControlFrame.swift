/// A frame that is retransmitted until it is acknowledged, and handed on in order, exactly once an association.
enum ControlFrame: Sendable, Equatable {
    /// Bytes for the layer above.
    case message([UInt8])
    /// A signed manifest, in its encoded form.
    case offer([UInt8])
    /// The sender wants chunks of an object under a handle of its choice.
    case want(transfer: UInt32, object: ObjectID, ranges: [Range<UInt32>])
    /// A signed manifest of anyone, in its encoded form, to be compared with what else its origin has said.
    case evidence([UInt8])
    /// A revocation, in its encoded form.
    case revocation([UInt8])
    /// A peer's record of anyone, in its encoded form.
    case record([UInt8])
    /// So many more of the chunks that were asked for under the handle may be sent.
    case credit(transfer: UInt32, chunks: UInt32)
    /// A piece of an object that nobody asked for: 1, the signed manifest behind its length and the first bytes of the
    /// payload; or 0 and the next bytes of the payload.
    case push([UInt8])
    /// One side gives a transfer up.
    case cancel(transfer: UInt32, reason: CancelReason)
}
