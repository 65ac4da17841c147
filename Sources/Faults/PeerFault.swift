/// Something that happens to peers.
package struct PeerFault: Sendable, Hashable {
    /// What.
    package enum Kind: Sendable, Hashable {
        /// The process ends without a word, and is started again after `restart`; nil: at the healing.
        case crash(restart: Duration?, disk: DiskFate)
        /// The process is started only now: until `interval.until` it is not there.
        case absent
        /// The process stands still (SIGSTOP) for the interval.
        case pause
        /// Local steps take so many times as long.
        case slow(Double)
        /// The wall clock is off by this much for the interval. The monotonic clock is not.
        case clockStep(Duration)
        /// The monotonic clock runs faster by this share, below zero slower; up to 0.1.
        case clockDrift(Double)
        /// What the disk does wrong for the interval.
        case disk(DiskFault)
        /// The peer's address changes once, at the beginning: a NAT rebinding.
        case rebind
        /// The peer is not honest during the interval.
        case byzantine(ByzantineBehaviour)
        /// The process is crashed and restarted again and again: up for a time with the mean `up`, down for one with the
        /// mean `down`, both exponentially distributed.
        case churn(up: Duration, down: Duration, disk: DiskFate)
    }

    /// Who.
    package var peers: PeerSelector
    /// When; a crash happens at its beginning.
    package var interval: FaultInterval
    /// What.
    package var kind: Kind

    package init(peers: PeerSelector, interval: FaultInterval, kind: Kind) {
        self.peers = peers
        self.interval = interval
        self.kind = kind
    }
}

/// What a crash leaves on the disk.
package enum DiskFate: String, Sendable, Hashable, CaseIterable {
    /// All that was written: the process ended, the machine goes on.
    case kept
    /// What was made durable, and of the rest a part: the power failed.
    case torn
    /// Nothing.
    case amnesia
}

/// What a disk does wrong.
package enum DiskFault: String, Sendable, Hashable, CaseIterable {
    /// Writes fail for lack of space.
    case full
    /// Writes and synchronisation fail (EIO).
    case failing
    /// Synchronisation says yes and does nothing: a crash loses what was written in the interval.
    case lostSync = "lost-sync"
    /// A write lands in the wrong place: the file's bytes are another block's.
    case misdirected
}

/// How a peer that is not honest behaves. It holds a valid identity: its contributions are signed and its sessions stand.
package enum ByzantineBehaviour: Sendable, Hashable {
    /// Contributions hold NaN.
    case notANumber
    /// Contributions hold infinities.
    case infinite
    /// Contributions are negated.
    case signFlip
    /// Contributions are multiplied by a factor.
    case scale(Double)
    /// Different neighbours are given different contributions for the same round.
    case equivocate
    /// Contributions of old rounds are offered again as new ones.
    case replay
    /// Manifests break the rules.
    case malformedManifest
    /// Others are accused of saying two things, with manifests that they never signed.
    case forge
    /// Leaves do not match their manifest.
    case malformedLeaf
    /// Contributions are numbered many rounds ahead.
    case roundJump
    /// Contributions say from the first round on that they are final.
    case earlyFinal
    /// Nothing is contributed and nothing said, but the session is kept.
    case mute
    /// Nothing is contributed, though the peer says that it is at work.
    case stall
    /// In settling, the peer says in every round that it knows of no agreement.
    case neverAgree
    /// Many contributions are offered in every round that are of no use to anybody.
    case flood
}

/// Somebody who is not of the swarm and sends datagrams to its peers.
package struct Intruder: Sendable, Hashable {
    /// What.
    package enum Kind: String, Sendable, Hashable, CaseIterable {
        /// A peer with a good identity and another swarm's secret.
        case otherSwarm = "other-swarm"
        /// A peer that speaks another version of the protocol.
        case otherVersion = "other-version"
        /// Somebody who records what peers send and sends it again from an address of its own and from theirs.
        case stolenAddress = "stolen-address"
        /// Somebody who sends random bytes.
        case garbage
    }

    /// When.
    package var interval: FaultInterval
    /// What.
    package var kind: Kind
    /// The mean time between two datagrams.
    package var pause: Duration

    package init(interval: FaultInterval, kind: Kind, pause: Duration = .milliseconds(100)) {
        self.interval = interval
        self.kind = kind
        self.pause = pause
    }
}
