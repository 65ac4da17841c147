/// Why something that arrived was dropped.
package enum DropReason: String, Sendable, Hashable, CaseIterable {
    /// Too short, too long, or of no known type.
    case malformed
    /// A handshake message whose first code is not made for us.
    case badCode
    /// An initiation under a cipher suite that is not spoken here.
    case unknownSuite
    /// A handshake message that does not decrypt, or from a key that is not on the allow list.
    case badHandshake
    /// An initiation that is not newer than the newest of this peer.
    case staleInitiation
    /// More initiations in a second than are looked at.
    case initiationRate
    /// An initiation without a cookie while there are many: a cookie was sent.
    case cookieAsked
    /// A cookie that answers no initiation of ours.
    case unexpectedCookie
    /// An initiation that crossed ours, where ours goes first.
    case crossedInitiation
    /// A response to no initiation of ours.
    case unexpectedResponse
    /// A data packet of no session that stands.
    case unknownSession
    /// A data packet whose tag is not right.
    case badTag
    /// A data packet that was there before, or is older than the replay window.
    case replayed
    /// A frame that does not keep to the format, or breaks a limit.
    case badFrame
    /// An offer whose signature, swarm, origin or sizes are not right.
    case badManifest
    /// A pushed object that is not what its manifest says, or a piece of none.
    case badPush
    /// A record whose signature, swarm, key or expiry is not right, or of a peer whose last one was just taken.
    case badRecord
    /// A chunk of no transfer that is under way, or one that is already there.
    case unwantedChunk
}
