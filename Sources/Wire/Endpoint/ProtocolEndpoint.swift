package import Overlay

/// One peer's side of the protocol with all its neighbours: handshakes, sessions, recovery, messages and objects.
///
/// A value without a clock, a socket or a source of randomness: whoever owns it hands in datagrams, moments and
/// randomness, and drains `pollTransmit` and `pollEvent` after every call.
package struct ProtocolEndpoint: Sendable {
    /// Counters since the endpoint was made.
    package private(set) var statistics = WireStatistics()

    /// An endpoint of `local` that speaks with `remotes` only.
    ///
    /// - Parameter handshakeTimestamp: nanoseconds, greater at every start of this peer: the shell passes the wall clock.
    package init(
        local: LocalPeer, remotes: [RemotePeer], swarm: SwarmSecret, configuration: WireConfiguration,
        handshakeTimestamp: UInt64, at time: MonotonicTime
    ) {}

    /// Keeps a session with the peer from now on: a handshake is tried, with growing pauses, until it succeeds, and
    /// again whenever the association ends. A peer that is not on the allow list is ignored.
    package mutating func connect(
        to peer: PeerID, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {}

    /// Takes a datagram from the network.
    package mutating func receive(
        _ datagram: Datagram, at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) {}

    /// Does what is due at `time`; to be called when `nextDeadline` has come.
    package mutating func handleTimeout(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {}

    /// When `handleTimeout` is to be called next; nil if nothing is due.
    package var nextDeadline: MonotonicTime? { nil }

    /// The next datagram for the network, peers taking turns; nil if there is none now.
    package mutating func pollTransmit(
        at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) -> Datagram? { nil }

    /// The next event; nil if there is none.
    package mutating func pollEvent() -> WireEvent? { nil }

    /// Sends a message of at most 1000 bytes, in order, retransmitted until acknowledged, delivered at most once. It
    /// waits for the session if there is none yet and is lost when the association ends.
    ///
    /// - Returns: false if it was not taken: unknown peer, too long, or 256 frames already wait.
    @discardableResult
    package mutating func send(message: [UInt8], to peer: PeerID, at time: MonotonicTime) -> Bool { false }

    /// Serves an object from now on, to whoever of the swarm asks, until it is retired. The payload must be the
    /// manifest's.
    @discardableResult
    package mutating func publish(_ manifest: SignedManifest, payload: [UInt8]) -> ObjectID { manifest.id }

    /// Offers a published object to a peer; once per association.
    package mutating func announce(_ object: ObjectID, to peer: PeerID, at time: MonotonicTime) {}

    /// Asks a peer for an object that some peer has announced: `received` or `transferFailed` follows.
    package mutating func request(_ object: ObjectID, from peer: PeerID, at time: MonotonicTime) {}

    /// Ends serving an object.
    package mutating func retire(_ object: ObjectID) {}

    /// Says goodbye on every session and forgets them; nothing is answered any more.
    package mutating func close(at time: MonotonicTime, using generator: inout some RandomNumberGenerator) {}
}
