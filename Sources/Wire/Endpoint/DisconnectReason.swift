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
