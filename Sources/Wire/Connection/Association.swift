import Basics

/// What two incarnations of two peers have with each other: packet numbers, recovery, control frames and transfers. It
/// outlives its sessions, which are replaced every two minutes, and ends when one side forgets the other.
struct Association: Sendable {
    /// The other side's incarnation.
    let remoteIncarnation: UInt64
    var recovery: LossRecovery
    var received = ReceivedPackets()
    var pacer: Pacer
    var controls: ControlQueue
    var inbox: ControlInbox
    /// Objects that the other side has been asked for.
    var inbound: [InboundSource] = []
    /// Objects on their way from us.
    var outbound: [OutboundTransfer] = []
    /// What the other side has acknowledged of the objects that it was sent.
    var deliveries = Deliveries()
    /// The object that is being pushed to us.
    var push: PushedObject?
    /// Objects that were pushed to us whole and not asked for yet, the oldest first.
    var pushed: [PushedObject] = []
    /// Whose turn it is of the objects on their way from us.
    var turn = 0
    /// Handle of the next object that we ask for.
    var nextHandle: UInt32 = 0
    /// Whether a PING is to be sent.
    var pingPending = false
    /// When the association began.
    private let began: MonotonicTime
    /// When something last came from the other side.
    private(set) var lastReceived: MonotonicTime
    /// Since when something has come from the other side without a long gap.
    private(set) var steadySince: MonotonicTime
    /// When something that asks for an acknowledgement was last sent.
    var lastSent: MonotonicTime

    init(remoteIncarnation: UInt64, configuration: WireConfiguration, at time: MonotonicTime) {
        self.remoteIncarnation = remoteIncarnation
        recovery = LossRecovery(configuration: configuration)
        pacer = Pacer(at: time, packetByteCount: configuration.datagramByteCount)
        controls = ControlQueue(limit: configuration.controlQueueLimit)
        inbox = ControlInbox(limit: configuration.controlQueueLimit)
        began = time
        lastReceived = time
        steadySince = time
        lastSent = time
    }

    /// Takes the number of a packet that has been authenticated, of the incarnation that its session belongs to.
    mutating func take(_ number: UInt64, of incarnation: UInt64, at time: MonotonicTime) -> PacketAcceptance {
        guard remoteIncarnation == incarnation else { return .otherIncarnation }
        guard received.insert(number, at: time) else { return .replayed }
        if time - lastReceived > Self.longGap(age: time - began) { steadySince = time }
        lastReceived = time
        return received.isNewest(number) ? .newest : .late
    }

    /// A longer time without a packet is a gap, in an association of such an age: two of the intervals in which its peers
    /// say at the least that they are at work (docs/protocol.md, "Heartbeats").
    private static func longGap(age: Duration) -> Duration { min(max(age / 6, .milliseconds(500)), .seconds(4)) }

    /// Whether a packet's number would not be taken any more.
    func hasSeen(_ number: UInt64) -> Bool { !received.accepts(number) }

    /// Whether there is something to send that asks for an acknowledgement.
    var hasContent: Bool {
        pingPending || controls.hasPending || outbound.contains { $0.hasChunks }
    }

    /// Takes in an acknowledgement.
    ///
    /// - Returns: false if it acknowledges what was never sent; then nothing changes.
    mutating func acknowledged(
        _ ranges: [ClosedRange<UInt64>], delay: Duration, marked: UInt32, at time: MonotonicTime
    ) -> Bool {
        recovery.acknowledged(ranges: ranges, delay: delay, marked: marked, moreWaits: hasContent, at: time)
    }

    /// Records that the packet that just arrived asks for an acknowledgement.
    mutating func owe(_ number: UInt64, isMarked: Bool, configuration: WireConfiguration, at time: MonotonicTime) {
        // A quarter of a round trip is long enough to wait for company.
        let patience = min(
            configuration.acknowledgementDelay, max(recovery.roundTrip.smoothed / 4, Self.leastPatience))
        received.owe(number, after: configuration.acknowledgeAfterPackets, patience: patience, at: time)
        if isMarked { received.noteMark(at: time) }
    }

    /// Acknowledgements wait this long at least for a second packet.
    static let leastPatience = Duration.milliseconds(2)

    /// Puts what was lost back into the queues and forgets what has arrived.
    mutating func settle(with peer: PeerID, _ context: inout ConnectionContext) {
        guard !recovery.outcome.isEmpty else { return }
        context.statistics.packetsLost += UInt64(recovery.outcome.lostPackets)
        for sequence in recovery.outcome.acknowledgedControls {
            if let piece = controls.acknowledge(sequence), let whole = deliveries.acknowledge(piece) {
                context.events.append(.delivered(whole, to: peer))
            }
        }
        for sequence in recovery.outcome.lostControls {
            controls.requeue(sequence)
            context.statistics.framesRetransmitted += 1
        }
        for chunk in recovery.outcome.acknowledgedChunks {
            if let whole = deliveries.acknowledge(chunk) { context.events.append(.delivered(whole, to: peer)) }
            guard let index = outbound.firstIndex(where: { $0.handle == chunk.transfer }) else { continue }
            outbound[index].underWay -= 1
            // Kept until all that is under way has arrived: what is lost has to be sent from it again.
            if outbound[index].underWay <= 0, outbound[index].isSent { outbound.remove(at: index) }
        }
        for chunk in recovery.outcome.lostChunks {
            guard let index = outbound.firstIndex(where: { $0.handle == chunk.transfer }) else { continue }
            outbound[index].underWay -= 1
            outbound[index].requeue(chunk.run)
            context.statistics.framesRetransmitted += 1
        }
        recovery.outcome.clear()
    }

    /// When the pacer lets the next packet through, if that is what what is to be sent waits for.
    var pacingDeadline: MonotonicTime? {
        guard hasContent, recovery.hasRoom, !pacer.isOpen else { return nil }
        return pacer.opening(
            window: recovery.congestion.window, roundTrip: recovery.roundTrip.smoothed,
            slowStart: recovery.congestion.isInSlowStart)
    }

    /// When an object that the other side was asked for has made no progress for too long.
    func transferDeadline(_ configuration: WireConfiguration) -> MonotonicTime? {
        var earliest: MonotonicTime?
        for source in inbound where source.isAwaited {
            let due = min(source.giveUpTime(configuration), source.repeatTime(configuration))
            earliest = min(earliest ?? due, due)
        }
        return earliest
    }

    /// What is to be done about objects that make no progress: they are asked for again, and given up after long.
    func overdueRequests(_ configuration: WireConfiguration, at time: MonotonicTime) -> [ConnectionRequest] {
        inbound.compactMap { source in
            guard source.isAwaited else { return nil }
            if source.giveUpTime(configuration) <= time { return .giveUp(source.object) }
            return source.repeatTime(configuration) <= time ? .repeatRequest(source.object) : nil
        }
    }

    /// What has grown beyond its limit; nil where nothing has.
    func brokenBound(_ configuration: WireConfiguration) -> String? {
        if controls.count > configuration.controlQueueLimit { return "\(controls.count) control frames under way" }
        if inbox.count > configuration.controlQueueLimit { return "\(inbox.count) control frames out of order" }
        if inbound.count > configuration.inboundObjectsPerPeer {
            return "\(inbound.count) objects on their way from one peer"
        }
        if pushed.count > configuration.pushedObjectsPerPeer { return "\(pushed.count) pushed objects of one peer" }
        if outbound.count > configuration.outboundObjectsPerPeer {
            return "\(outbound.count) objects on their way to one peer"
        }
        return nil
    }
}

/// What becomes of a packet whose tag was right.
enum PacketAcceptance: Sendable {
    /// It belongs to an incarnation of the other side that is gone.
    case otherIncarnation
    /// One with its number was taken before, or it is too old to tell.
    case replayed
    /// It is taken, and none with a greater number was.
    case newest
    /// It is taken, behind others.
    case late
}
