/// What a directed link between two peers does to datagrams. A value that is nil is not said: whatever holds beneath it
/// stays.
package struct LinkConditions: Sendable, Hashable {
    /// How long a datagram is under way.
    package var delay: DelayDistribution?
    /// Which datagrams vanish.
    package var loss: LossModel?
    /// The share of datagrams that arrive twice, the second a little later.
    package var duplicate: Double?
    /// The share of datagrams that are overtaken: they take longer by up to `reorderDelay`.
    package var reorder: Double?
    /// How much longer; 50 ms where nothing is said.
    package var reorderDelay: Duration?
    /// The share of datagrams of which one bit is turned over.
    package var corrupt: Double?
    /// The share of datagrams that are cut short.
    package var truncate: Double?
    /// Longer datagrams vanish, in bytes: a black hole.
    package var maximumDatagram: Int?
    /// What the link carries, in bytes a second; more waits in its queue.
    package var rate: Double?
    /// What the queue in front of `rate` holds, in bytes; more vanishes. 256 KiB where nothing is said.
    package var queue: Int?
    /// Whether nothing gets through.
    package var isBlocked: Bool?
    /// Whether everything is held until the fault ends, and arrives then.
    package var isClogged: Bool?

    package init(
        delay: DelayDistribution? = nil, loss: LossModel? = nil, duplicate: Double? = nil, reorder: Double? = nil,
        reorderDelay: Duration? = nil, corrupt: Double? = nil, truncate: Double? = nil, maximumDatagram: Int? = nil,
        rate: Double? = nil, queue: Int? = nil, isBlocked: Bool? = nil, isClogged: Bool? = nil
    ) {
        self.delay = delay
        self.loss = loss
        self.duplicate = duplicate
        self.reorder = reorder
        self.reorderDelay = reorderDelay
        self.corrupt = corrupt
        self.truncate = truncate
        self.maximumDatagram = maximumDatagram
        self.rate = rate
        self.queue = queue
        self.isBlocked = isBlocked
        self.isClogged = isClogged
    }

    /// These conditions, with what they do not say taken from `other`.
    package func over(_ other: LinkConditions) -> LinkConditions {
        LinkConditions(
            delay: delay ?? other.delay, loss: loss ?? other.loss, duplicate: duplicate ?? other.duplicate,
            reorder: reorder ?? other.reorder, reorderDelay: reorderDelay ?? other.reorderDelay,
            corrupt: corrupt ?? other.corrupt, truncate: truncate ?? other.truncate,
            maximumDatagram: maximumDatagram ?? other.maximumDatagram, rate: rate ?? other.rate,
            queue: queue ?? other.queue, isBlocked: isBlocked ?? other.isBlocked,
            isClogged: isClogged ?? other.isClogged)
    }
}

/// How long datagrams are under way.
package enum DelayDistribution: Sendable, Hashable {
    /// Always as long.
    case fixed(Duration)
    /// Anything between the two, alike.
    case uniform(Duration, Duration)
    /// The normal distribution, cut at zero.
    case normal(mean: Duration, deviation: Duration)
    /// `minimum` and an exponentially distributed part with the mean `mean` on top: a queue somewhere.
    case exponential(minimum: Duration, mean: Duration)
}

/// Which datagrams vanish.
package enum LossModel: Sendable, Hashable {
    /// Each with this probability.
    case independent(Double)
    /// Bursts, after Gilbert (1960) and Elliott (1963): a link is good or bad, changes from datagram to datagram with
    /// the probabilities `toBad` and `toGood`, and loses what its state says.
    case gilbertElliott(toBad: Double, toGood: Double, goodLoss: Double, badLoss: Double)
}

/// Conditions of some links for some time.
package struct LinkFault: Sendable, Hashable {
    /// When.
    package var interval: FaultInterval
    /// Links that begin at one of these.
    package var from: PeerSelector
    /// Links that end at one of these.
    package var to: PeerSelector
    /// Whether the links the other way are meant too.
    package var isMutual: Bool
    /// What they do.
    package var conditions: LinkConditions

    package init(
        interval: FaultInterval = .init(), from: PeerSelector = .all, to: PeerSelector = .all, isMutual: Bool = true,
        conditions: LinkConditions
    ) {
        self.interval = interval
        self.from = from
        self.to = to
        self.isMutual = isMutual
        self.conditions = conditions
    }
}
