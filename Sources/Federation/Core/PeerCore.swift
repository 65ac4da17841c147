package import Adapters
import Aggregation
package import Basics
import Cryptography
import Overlay
package import Wire

/// One peer of a swarm: local rounds, gossip averaging with the neighbours, settling, catching up, leaving.
///
/// A value without clock, socket, disk or trainer. Its owner hands in datagrams, moments and what directives led to, and
/// after every call drains `pollTransmit` and `pollDirective`; `handleTimeout` is due at `nextDeadline`. One sequence of
/// calls gives one history, to the last bit.
///
/// A round: train from x, publish the result as the round's contribution, fetch the neighbours', mix. Where the swarm
/// overlaps, the next round's steps are taken meanwhile (`StepsAhead`). When the rounds with training are over, settling
/// rounds only mix, until the agreement vectors prove that the swarm agrees.
package struct PeerCore: Sendable {
    /// What the peer is doing.
    enum Phase: Sendable, Hashable {
        /// Not started.
        case ready
        /// The trainer is at work.
        case training
        /// The contribution is published, the neighbours' are awaited; `deadline` is when they no longer are.
        case gathering(since: MonotonicTime, deadline: MonotonicTime)
        /// The final adapter is there; the checkpoint that holds it is not durable yet.
        case keeping
        /// The final adapter is there and kept; neighbours are served.
        case finished(since: MonotonicTime)
        /// Nothing happens any more; `hasFinished` where the final adapter was there.
        case stopped(hasFinished: Bool)
    }

    /// What the peer begins with.
    enum Beginning: Sendable, Hashable {
        /// Nothing is known of an earlier process.
        case anew
        /// A checkpoint that was made on the way.
        case underWay
        /// A checkpoint that was made after the finish: there is nothing to do but to serve.
        case afterFinish
    }

    let configuration: PeerConfiguration
    let local: LocalPeer
    let swarm: SwarmSecret
    let schemaDigest: [UInt8]
    let handshakeTimestamp: UInt64
    package var wire: ProtocolEndpoint
    /// Who takes part.
    var roster: Roster
    /// Changes of it that wait for the next round, and neighbours that sessions are to be begun with.
    var rosterChanges: [RosterChange] = []
    var strangers: [PeerID] = []
    /// The way of adapters out and in, with all that averaging keeps.
    var pipeline: ExchangePipeline
    /// Whether the swarm is known to agree.
    var settling: any SettlingRule
    /// Settling rounds that had passed when the peer joined them: they do not count to its limit.
    var settlingAllowance = 0
    /// Whose contributions this round waits for.
    var sources = MixingAudience.everyone
    /// One for each of the roster's members, in its order.
    var neighbours: [NeighbourState] { didSet { quietUntil = nil } }
    var phase = Phase.ready { didSet { quietUntil = nil } }
    /// Local steps of the next round, where they are taken while this round's contributions are gathered.
    var ahead: StepsAhead? { didSet { quietUntil = nil } }
    /// The exact average of the round that is being gathered, while it is made in slices.
    var reduction: Reduction? { didSet { quietUntil = nil } }
    /// The slices of that average that are here, each at its place; empty before the first. It is no part of `reduction`,
    /// of which copies are made: a copy of this is an adapter's worth of memory.
    var average: [Float] = []
    /// Up to which round nothing is averaged in slices, and in which round neighbours were told so last.
    var gossipsThrough = -1
    var declined = -1
    /// Means of the own slice that are served, oldest first.
    var means: [(round: Int, object: ObjectID)] = []
    let beginning: Beginning
    /// The round that is under way, or that was the last.
    package internal(set) var round = 0 { didSet { quietUntil = nil } }
    /// The peer's adapter.
    package internal(set) var delta: AdapterDelta
    /// The trainer's snapshot that belongs to `delta`.
    var snapshot: [UInt8] = []
    var waits: RoundWaits
    /// The contributions that hold the final adapter; none before the finish.
    var finalObjects: Set<ObjectID> = []
    var lastTrainingDuration = Duration.zero
    /// The shortest local steps of this process; nil before the first.
    var fastestTraining: Duration?
    /// When settling began; nil before that.
    var settlingSince: MonotonicTime?
    /// When the neighbours were last told that the peer is at work.
    var lastTold = MonotonicTime.zero
    var nextSequence: UInt64
    /// What is served, oldest first.
    var published: [PublishedContribution] = []
    /// What was published last.
    var twin: OwnContribution?
    var ledger = PublishedLedger()
    var startedAt = MonotonicTime.zero
    /// The round that the peer began with.
    var beginningRound = 0
    /// How long the others may have been at work, at most, when this process started.
    var absence: Duration
    /// The moment of the last call: what was due then is no longer a deadline.
    var now = MonotonicTime.zero
    /// Until when nothing happens here unless something changes: what `proceed` found out last, so that the many datagrams
    /// that carry no news cost nothing here. It follows from the phase, the round and the neighbours, and is forgotten with
    /// every change of theirs; nil then.
    var quietUntil: MonotonicTime?
    /// When it last said whom it waits for.
    var waitingTold: MonotonicTime?
    /// Where the names of neighbours' hosts were found to lead last.
    var lookedUp: [PeerID: NetworkAddress] = [:]
    /// What neighbours' contributions counted, as it was told last.
    var toldShares: [EventDescription.Share] = []
    /// The level of compression that the budget led to, as it was told last.
    var toldChoice: CompressionChoice?
    /// What a measured round began with; what waits for the trainer to be measured; what is known of everybody's gains,
    /// and when it was passed on last.
    var gainStart: (round: Int, delta: AdapterDelta)?
    var gainProbe: GainProbe?
    var gains = GainTable()
    var gainTold: MonotonicTime?
    var directives: [PeerDirective] = []
    /// Whether checkpoints are written: then nobody is told of the finish before its checkpoint is durable.
    var keepsState = false
    /// Whether directives show what is averaged: for simulations with checkers.
    package var isAudited = false
    /// For simulated attackers; nil in every real peer.
    package var tampering: (any OutgoingTampering)?

    /// A peer that begins anew, or goes on from `checkpoint`.
    ///
    /// - Parameters:
    ///   - handshakeTimestamp: nanoseconds, greater at every start of this peer: the shell passes the wall clock, or what
    ///     the checkpoint says where that is later (`nextTimestamp`).
    ///   - memory: what the protocol of the last process knew.
    /// - Throws: `PeerSetupError.foreignCheckpoint`.
    package init(
        configuration: PeerConfiguration, local: LocalPeer, swarm: SwarmSecret,
        wire wireConfiguration: WireConfiguration = .attentive, checkpoint: PeerCheckpoint? = nil,
        handshakeTimestamp: UInt64, memory: EndpointMemory = EndpointMemory(), at time: MonotonicTime
    ) throws(PeerSetupError) {
        let exchange = ExchangePipeline(
            configuration.exchange, schema: configuration.schema, layout: configuration.layout,
            rounds: configuration.rounds)
        // Of what travels: who exchanges other factors has another schema.
        let schemaDigest = Digest.blake2b256(exchange.factors.shared.encoded, personalisation: "murmur-schema")
        self.configuration = configuration
        self.local = local
        self.swarm = swarm
        self.schemaDigest = schemaDigest
        self.handshakeTimestamp = handshakeTimestamp
        beginning = checkpoint.map { $0.isFinished ? .afterFinish : .underWay } ?? .anew
        roster = configuration.roster
        pipeline = exchange
        settling = configuration.exchange.settlingRule(configuration.settlingLimits)
        wire = ProtocolEndpoint(
            local: local, remotes: configuration.remotes, swarm: swarm,
            configuration: configuration.fitting(wireConfiguration), handshakeTimestamp: handshakeTimestamp,
            memory: memory, at: time)
        neighbours = roster.members.map { NeighbourState(id: $0.id) }
        // A revocation that an earlier process saw holds for good (docs/protocol.md, section 8).
        for index in neighbours.indices where wire.isBarred(neighbours[index].id) { neighbours[index].bar() }
        delta = AdapterDelta(zeroOf: configuration.schema)
        waits = RoundWaits(configuration.waits)
        absence = configuration.startupPatience
        // Sequence numbers grow across restarts, also across those without a disk.
        nextSequence = handshakeTimestamp
        guard let checkpoint else { return }
        do {
            try checkpoint.check(
                identity: local.id, swarm: swarm.identifier, schema: configuration.schema,
                baseModelDigest: configuration.baseModelDigest)
        } catch {
            throw .foreignCheckpoint(error.description)
        }
        round = checkpoint.round
        beginningRound = checkpoint.round
        // Both timestamps are nanoseconds of the wall clock: so long the others went on without this peer, at most.
        let away = handshakeTimestamp - min(handshakeTimestamp, checkpoint.handshakeTimestamp)
        absence += .nanoseconds(Int64(clamping: away))
        delta = checkpoint.delta
        snapshot = checkpoint.trainerSnapshot
        do { try pipeline.restore(checkpoint.exchangeState) } catch { throw .foreignCheckpoint(error.description) }
    }

    /// The round that is under way, as the exchange sees it.
    func mixingRound(isFinal: Bool = false) -> MixingRound {
        var mixing = MixingRound(
            number: round, isFinal: isFinal, isSettling: round >= configuration.rounds,
            weight: configuration.exchange.weight(ofSampleCount: roster.sampleCount), roster: roster,
            incarnation: handshakeTimestamp)
        mixing.own = local.id
        mixing.settlingNumber = max(0, round - configuration.rounds)
        mixing.training = fastestTraining == nil ? nil : lastTrainingDuration
        return mixing
    }

    /// Whether the peer has its final adapter.
    package var isFinished: Bool {
        switch phase {
        case .finished, .stopped(hasFinished: true): true
        case .ready, .training, .gathering, .keeping, .stopped(hasFinished: false): false
        }
    }

    var isStopped: Bool {
        if case .stopped = phase { true } else { false }
    }

    /// What went over the network.
    package var traffic: PeerTraffic {
        let statistics = wire.statistics
        return PeerTraffic(
            bytesSent: statistics.bytesSent, bytesReceived: statistics.bytesReceived,
            datagramsSent: statistics.datagramsSent, datagramsReceived: statistics.datagramsReceived,
            packetsLost: statistics.packetsLost, dropped: statistics.droppedTotal)
    }

    /// Datagrams that were dropped whole.
    package var datagramsDropped: UInt64 { wire.statistics.datagramsDropped }

    /// The next datagram for the network; nil if there is none now.
    package mutating func pollTransmit(
        at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) -> Datagram? {
        wire.pollTransmit(at: time, using: &generator)
    }

    /// As `pollTransmit`, but as many packets for one address as may leave together: what a real socket is given.
    package mutating func pollBurst(
        at time: MonotonicTime, using generator: inout some RandomNumberGenerator
    ) -> Datagram? {
        wire.pollBurst(at: time, using: &generator)
    }

    /// The next thing to do for the shell; nil if there is none now.
    package mutating func pollDirective() -> PeerDirective? {
        directives.isEmpty ? nil : directives.removeFirst()
    }

    mutating func report(_ kind: PeerEvent.Kind, at time: MonotonicTime) {
        directives.append(.report(PeerEvent(time: time, kind: kind)))
    }
}
