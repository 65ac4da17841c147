package import Overlay

/// What a peer tells whoever listens: the live view, the event log, the simulator's checkers.
package struct PeerEvent: Sendable {
    /// When, on the peer's own clock.
    package var time: MonotonicTime
    /// What happened.
    package var kind: Kind

    package init(time: MonotonicTime, kind: Kind) {
        self.time = time
        self.kind = kind
    }

    /// The things that happen to a peer.
    package enum Kind: Sendable {
        /// A round began.
        case roundStarted(round: Int)
    }
}
