package import Adapters
package import Basics
package import Wire

/// Stands between a peer and its endpoint and changes what leaves: how a simulation makes a peer lie. Nil in every real
/// peer, whose core has no way to say what is not so.
package protocol OutgoingTampering: Sendable {
    /// The peer is about to sign and serve this.
    mutating func publish(_ publication: inout Publication)

    /// The peer has served `publication`, which it meant to, and offered it.
    mutating func offered(
        _ publication: Publication, in scene: TamperingScene, through wire: inout ProtocolEndpoint,
        at time: MonotonicTime)

    /// A neighbour has offered this, and the peer has told others what it was.
    mutating func heard(
        _ manifest: SignedManifest, in scene: TamperingScene, through wire: inout ProtocolEndpoint)
}

/// What is signed, and what is served under it.
package struct Publication: Sendable {
    package var manifest: ContributionManifest
    package var payload: HashedPayload
    /// What the payload says.
    package let delta: AdapterDelta

    package init(manifest: ContributionManifest, payload: HashedPayload, delta: AdapterDelta) {
        self.manifest = manifest
        self.payload = payload
        self.delta = delta
    }
}

/// What one who tampers sees of the peer.
package struct TamperingScene: Sendable {
    /// The neighbours, ascending by identity, and whether a session with them stands.
    package let neighbours: [(id: PeerID, isConnected: Bool)]
    /// The contributions that are served, oldest first.
    package let served: [ObjectID]
}
