package import Adapters
package import Basics
package import Wire

/// Stands between a peer and its endpoint and changes what leaves: how a simulation makes a peer lie. Nil in every real
/// peer, whose core has no way to say what is not so.
package protocol OutgoingTampering: Sendable {
    /// Whether the peer does not say that it is at work.
    var keepsQuiet: Bool { get }

    /// Signs and serves what becomes of `publication`, which the peer means to publish; the name under which that is offered,
    /// or nil where nothing is.
    mutating func serve(_ publication: Publication, through wire: inout ProtocolEndpoint) -> ObjectID?

    /// The peer has offered what was served for `publication`.
    mutating func offered(
        _ publication: Publication, in scene: TamperingScene, through wire: inout ProtocolEndpoint,
        at time: MonotonicTime)

    /// What is published in the place of a slice's mean.
    mutating func mean(_ values: [Float]) -> [Float]

    /// A neighbour has offered this, and the peer has told others what it was.
    mutating func heard(
        _ manifest: SignedManifest, in scene: TamperingScene, through wire: inout ProtocolEndpoint)
}

extension OutgoingTampering {
    package mutating func mean(_ values: [Float]) -> [Float] { values }
}

/// What a peer publishes: what it signs, and what it serves under it.
package struct Publication: Sendable {
    package var manifest: ContributionManifest
    package var payload: HashedPayload
    /// What the payload says.
    package let delta: AdapterDelta
    /// Whether a sum of tracked gradients stands behind it.
    package let hasSum: Bool

    package init(manifest: ContributionManifest, payload: HashedPayload, delta: AdapterDelta, hasSum: Bool = false) {
        self.manifest = manifest
        self.payload = payload
        self.delta = delta
        self.hasSum = hasSum
    }
}

/// What one who tampers sees of the peer.
package struct TamperingScene: Sendable {
    /// The neighbours, ascending by identity, and whether a session with them stands.
    package let neighbours: [(id: PeerID, isConnected: Bool)]
    /// The contributions that are served, oldest first.
    package let served: [ObjectID]
}
