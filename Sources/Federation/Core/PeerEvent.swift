package import Basics

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

    /// The things that happen to a peer. Rounds are counted from zero; those with training come first, settling rounds
    /// after them.
    package enum Kind: Sendable, Hashable {
        /// The peer takes part from now on, beginning with `round`; `resumed` if it goes on from a checkpoint.
        case started(round: Int, resumed: Bool)
        /// A round with training began.
        case roundStarted(round: Int)
        /// The local steps of a round are done. `loss` is the mean over `tokens` tokens of `records` records.
        case trained(round: Int, loss: Double, tokens: Int, records: Int, duration: Duration)
        /// The trainer failed; the round goes on with the adapter as it was before it.
        case trainingFailed(round: Int, reason: String)
        /// The round's contribution can be fetched by neighbours: `object` is its name, `norm` its Euclidean norm.
        case contributionPublished(round: Int, byteCount: Int, norm: Double, object: String)
        /// The contribution was offered to a neighbour, which fetches it when it wants it.
        case contributionSent(to: PeerID, round: Int, byteCount: Int)
        /// A neighbour's contribution arrived whole and passed the gate; `object` is its name.
        case contributionReceived(from: PeerID, round: Int, byteCount: Int, object: String)
        /// A neighbour's contribution is not mixed.
        case contributionRefused(from: PeerID, round: Int, byteCount: Int, reason: String)
        /// The adapter was mixed with those of the neighbours `present`. `disagreement` is the largest relative distance
        /// to one of them before mixing, `duration` the wait since the own contribution was published.
        case mixed(round: Int, disagreement: Double, present: [PeerID], absent: [PeerID], duration: Duration)
        /// The peer had fallen behind and took the mean of its neighbours' adapters as its own.
        case caughtUp(from: Int, to: Int, donors: [PeerID])
        /// A session with a neighbour stands.
        case connected(PeerID)
        /// The association with a neighbour ended.
        case disconnected(PeerID, reason: String)
        /// Nothing of this neighbour is taken any more.
        case barred(PeerID, reason: String)
        /// The state is safe on disk: this peer goes on with `round` after a crash.
        case checkpointed(round: Int)
        /// The state could not be written, or, at the start, a damaged one was passed over; the peer goes on with the
        /// checkpoint before.
        case checkpointFailed(round: Int, reason: String)
        /// A settling round was mixed: `disagreement` as in `mixed`, which has to fall below `bound` everywhere.
        case settling(round: Int, disagreement: Double, bound: Double)
        /// The swarm agrees: the relative consensus distance is at most `bound`.
        case settled(round: Int, bound: Double)
        /// The swarm did not agree within the number of settling rounds that its graph lets expect.
        case settlingLimitReached(round: Int, disagreement: Double)
        /// This peer has its final adapter; it serves its neighbours until they have theirs.
        case finished(round: Int)
        /// The peer took its leave; nothing follows.
        case left
        /// What went over the network so far.
        case traffic(PeerTraffic)
    }
}

/// Totals since the peer's process began.
package struct PeerTraffic: Sendable, Hashable {
    /// Bytes of datagrams handed to the network.
    package var bytesSent: UInt64
    /// Bytes of datagrams that arrived.
    package var bytesReceived: UInt64
    /// Datagrams handed to the network.
    package var datagramsSent: UInt64
    /// Datagrams that arrived.
    package var datagramsReceived: UInt64
    /// Sent packets that were declared lost.
    package var packetsLost: UInt64
    /// What arrived and was dropped, for whatever reason.
    package var dropped: UInt64

    package init(
        bytesSent: UInt64, bytesReceived: UInt64, datagramsSent: UInt64, datagramsReceived: UInt64,
        packetsLost: UInt64, dropped: UInt64
    ) {
        self.bytesSent = bytesSent
        self.bytesReceived = bytesReceived
        self.datagramsSent = datagramsSent
        self.datagramsReceived = datagramsReceived
        self.packetsLost = packetsLost
        self.dropped = dropped
    }
}
