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
    /// When something last came from the other side.
    var lastReceived: MonotonicTime
    /// When something that asks for an acknowledgement was last sent.
    var lastSent: MonotonicTime

    init(remoteIncarnation: UInt64, configuration: WireConfiguration, at time: MonotonicTime) {
        self.remoteIncarnation = remoteIncarnation
        recovery = LossRecovery(configuration: configuration)
        pacer = Pacer(at: time, packetByteCount: configuration.datagramByteCount)
        controls = ControlQueue(limit: configuration.controlQueueLimit)
        inbox = ControlInbox(limit: configuration.controlQueueLimit)
        lastReceived = time
        lastSent = time
    }

    /// When something last came from the other side. Mutating so that the compiler asks the association where it lies.
    mutating func silentSince() -> MonotonicTime { lastReceived }

    /// The size of the datagrams that the path takes; mutating for the same reason.
    mutating func pathByteCount() -> Int { recovery.path.byteCount }

    /// Takes the number of a packet that has been authenticated, of the incarnation that its session belongs to.
    mutating func take(_ number: UInt64, of incarnation: UInt64, at time: MonotonicTime) -> PacketAcceptance {
        guard remoteIncarnation == incarnation else { return .otherIncarnation }
        guard received.insert(number, at: time) else { return .replayed }
        lastReceived = time
        return received.isNewest(number) ? .newest : .late
    }

    /// Whether a packet's number would not be taken any more.
    mutating func hasSeen(_ number: UInt64) -> Bool { !received.accepts(number) }

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
    mutating func settle(statistics: inout WireStatistics) {
        guard !recovery.outcome.isEmpty else { return }
        statistics.packetsLost += UInt64(recovery.outcome.lostPackets)
        for sequence in recovery.outcome.acknowledgedControls { controls.acknowledge(sequence) }
        for sequence in recovery.outcome.lostControls {
            controls.requeue(sequence)
            statistics.framesRetransmitted += 1
        }
        for chunk in recovery.outcome.acknowledgedChunks {
            guard let index = outbound.firstIndex(where: { $0.handle == chunk.transfer }) else { continue }
            outbound[index].underWay -= 1
            if outbound[index].underWay <= 0, outbound[index].isSent { outbound.remove(at: index) }
        }
        for chunk in recovery.outcome.lostChunks {
            guard let index = outbound.firstIndex(where: { $0.handle == chunk.transfer }) else { continue }
            outbound[index].underWay -= 1
            outbound[index].requeue(chunk.run)
            statistics.framesRetransmitted += 1
        }
        recovery.outcome.clear()
    }

    /// When something is to be done about the association. Mutating as `Neighbour.deadline` is.
    mutating func deadline(configuration: WireConfiguration, canSend: Bool) -> MonotonicTime {
        var deadline = lastReceived + configuration.idleTimeout
        deadline = min(deadline, lastSent + configuration.keepaliveInterval)
        if let time = recovery.deadline { deadline = min(deadline, time) }
        for transfer in inbound where transfer.isAwaited {
            deadline = min(deadline, transfer.progress + configuration.transferTimeout)
            deadline = min(deadline, max(transfer.progress, transfer.asked) + configuration.transferRepeat)
        }
        guard canSend else { return deadline }
        if let time = received.deadline { deadline = min(deadline, time) }
        if hasContent, recovery.hasRoom, !pacer.isOpen {
            deadline = min(
                deadline,
                pacer.opening(
                    window: recovery.congestion.window, roundTrip: recovery.roundTrip.smoothed,
                    slowStart: recovery.congestion.isInSlowStart))
        }
        return deadline
    }
}
