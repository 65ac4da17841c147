import Basics

/// Which packets are under way, which have arrived and which are lost: RFC 9002, section 6, with packet threshold 3 and
/// time threshold 9/8. One packet number space for an association, across its sessions.
struct LossRecovery: Sendable {
    private(set) var roundTrip: RoundTripEstimator
    private(set) var congestion: any CongestionController
    /// How long datagrams may be.
    private(set) var path: PathSize
    private(set) var bytesInFlight = 0
    /// The number of the next packet.
    private(set) var nextNumber: UInt64 = 0
    /// When packets that are too early to be declared lost will be.
    private(set) var lossTime: MonotonicTime?
    /// How often in a row the probe timeout has passed.
    private(set) var probeCount = 0
    /// Packets that may be sent beyond the congestion window, as probes.
    var probesAllowed = 0
    /// What has become of packets since the owner last looked.
    var outcome = RecoveryOutcome()

    private let acknowledgementDelay: Duration
    // `packets[head...]` have the numbers from `base` on.
    private var packets: [SentPacket] = []
    private var head = 0
    private var base: UInt64 = 0
    private var largestAcknowledged: UInt64?
    private var outstandingCount = 0
    private var markedSoFar: UInt32 = 0
    private var lastElicitingTime = MonotonicTime.zero

    init(configuration: WireConfiguration) {
        roundTrip = RoundTripEstimator(initial: configuration.initialRoundTrip)
        congestion = configuration.congestion.controller(packetByteCount: configuration.datagramByteCount)
        path = PathSize(base: configuration.datagramByteCount, limit: configuration.datagramByteLimit)
        acknowledgementDelay = configuration.acknowledgementDelay
    }

    /// Packets take another path from now on: what was learned of the old one does not hold.
    mutating func beginPath(configuration: WireConfiguration) {
        roundTrip = RoundTripEstimator(initial: configuration.initialRoundTrip)
        congestion = configuration.congestion.controller(packetByteCount: configuration.datagramByteCount)
        path = PathSize(base: configuration.datagramByteCount, limit: configuration.datagramByteLimit)
    }

    /// Whether the congestion window has room for a packet.
    var hasRoom: Bool { bytesInFlight + path.byteCount <= congestion.window }

    /// Records the packet with `nextNumber`.
    mutating func sent(
        byteCount: Int, elicits: Bool, chunks: SentChunks?, controls: [UInt64], triesSize: Bool = false,
        at time: MonotonicTime
    ) {
        packets.append(
            SentPacket(time: time, byteCount: byteCount, isOutstanding: elicits, chunks: chunks, controls: controls))
        if triesSize { path.probeSent(nextNumber) }
        nextNumber += 1
        guard elicits else {
            trim()
            return
        }
        bytesInFlight += byteCount
        outstandingCount += 1
        lastElicitingTime = time
    }

    /// Takes in an acknowledgement: `ranges` of packet numbers, greatest first, and how many packets of all the network had
    /// marked. `moreWaits` says whether there is something to send that has not been sent yet.
    ///
    /// - Returns: false if it acknowledges what was never sent; then nothing changes.
    mutating func acknowledged(
        ranges: [ClosedRange<UInt64>], delay: Duration, marked: UInt32 = 0, moreWaits: Bool, at time: MonotonicTime
    ) -> Bool {
        guard let largest = ranges.first?.upperBound, largest < nextNumber else { return false }
        // A window that only lengthens queues, the receiver's socket among them, is wide enough.
        let waiting = Double(bytesInFlight) * roundTrip.waitingShare
        // Pacing leaves a part of the window unused although there is more to send.
        let isUsed =
            bytesInFlight + 3 * path.byteCount >= congestion.window
            || (moreWaits && 2 * bytesInFlight >= congestion.window)
        let isLimiting = isUsed && waiting < CongestionLimits.waitingByteCount
        let size = path.byteCount
        var anyNew = false
        var newest: MonotonicTime?
        for range in ranges where range.upperBound >= base {
            for number in max(range.lowerBound, base)...range.upperBound {
                let index = head + Int(number - base)
                guard packets[index].isOutstanding else { continue }
                packets[index].isOutstanding = false
                let (sent, byteCount) = (packets[index].time, packets[index].byteCount)
                anyNew = true
                newest = max(newest ?? sent, sent)
                // Only the greatest number gives a round trip: the others may have waited for it at the receiver (RFC
                // 9002, section 5.1).
                if number == largest {
                    roundTrip.add(time - sent, delay: min(delay, acknowledgementDelay), at: time)
                    congestion.measured(roundTrip: time - sent, sent: sent, at: time)
                }
                remove(byteCount)
                path.acknowledged(number, byteCount: byteCount)
                congestion.acknowledged(
                    byteCount: byteCount, sent: sent, isLimiting: isLimiting, roundTrip: roundTrip.smoothed, at: time)
                if let chunks = packets[index].chunks { outcome.acknowledgedChunks.append(chunks) }
                if !packets[index].controls.isEmpty { outcome.acknowledgedControls += packets[index].controls }
            }
        }
        largestAcknowledged = max(largestAcknowledged ?? 0, largest)
        // A mark counts as a loss (RFC 3168). Which packet bore it is not told: the newest is taken for it.
        if marked > markedSoFar, let newest {
            markedSoFar = marked
            congestion.lost(sent: newest, at: time)
        }
        if anyNew { probeCount = 0 }
        detectLosses(at: time)
        if path.byteCount != size { congestion.use(packetByteCount: path.byteCount) }
        return true
    }

    /// Declares packets lost that are three packets or 9/8 of a round trip behind an acknowledged one.
    mutating func detectLosses(at time: MonotonicTime) {
        lossTime = nil
        guard let largest = largestAcknowledged, largest >= base else { return trim() }
        let delay = roundTrip.lossDelay
        var newestLoss: MonotonicTime?
        var oldestLoss: MonotonicTime?
        for number in base...largest {
            let index = head + Int(number - base)
            guard packets[index].isOutstanding else { continue }
            let (sent, byteCount) = (packets[index].time, packets[index].byteCount)
            // Packet threshold and time threshold of RFC 9002, section 6.1.
            if number + 3 <= largest || sent + delay <= time {
                packets[index].isOutstanding = false
                remove(byteCount)
                outcome.lostPackets += 1
                if let chunks = packets[index].chunks { outcome.lostChunks.append(chunks) }
                if !packets[index].controls.isEmpty { outcome.lostControls += packets[index].controls }
                // That a packet was too long for the path says nothing about congestion.
                if !path.isProbe(number) {
                    newestLoss = sent
                    oldestLoss = oldestLoss ?? sent
                }
                path.lost(number, byteCount: byteCount, at: time)
            } else {
                lossTime = min(lossTime ?? .distantFuture, sent + delay)
            }
        }
        if let newestLoss, let oldestLoss {
            congestion.lost(sent: newestLoss, at: time)
            let persistent = roundTrip.probeTimeout(acknowledgementDelay: acknowledgementDelay) * 3
            // Persistent congestion, RFC 9002, section 7.6.
            if newestLoss - oldestLoss > persistent { congestion.collapsed() }
        }
        trim()
    }

    /// The runs of a transfer's chunks that are under way, in order.
    func runsUnderWay(of transfer: UInt32) -> [Range<UInt32>] {
        packets[head...].compactMap { packet in
            guard packet.isOutstanding, let chunks = packet.chunks, chunks.transfer == transfer else { return nil }
            return chunks.run
        }.sorted { $0.lowerBound < $1.lowerBound }
    }

    /// Nanoseconds between two probes at most.
    private static let longestProbe: Int64 = 5_000_000_000

    /// When the loss timer fires: for losses by time, or for a probe.
    var deadline: MonotonicTime? {
        if let lossTime { return lossTime }
        guard outstandingCount > 0 else { return nil }
        // In nanoseconds: this is asked after every packet, and a product of durations is one of 128-bit numbers.
        let timeout = roundTrip.probeTimeout(acknowledgementDelay: acknowledgementDelay).wholeNanoseconds
        let (product, overflow) = timeout.multipliedReportingOverflow(by: 1 << Int64(min(probeCount, 10)))
        return lastElicitingTime + .nanoseconds(overflow ? Self.longestProbe : min(product, Self.longestProbe))
    }

    /// What is due at `time`: losses by time, or two probes that carry what has been under way for longest.
    mutating func handleTimeout(at time: MonotonicTime) {
        guard let deadline, deadline <= time else { return }
        if lossTime != nil {
            detectLosses(at: time)
            return
        }
        probeCount += 1
        probesAllowed = 2
        // The content is sent again, the packets stay under way: they may still be acknowledged.
        var found = 0
        var index = head
        while index < packets.count, found < 2 {
            if packets[index].isOutstanding {
                found += 1
                if let chunks = packets[index].chunks { outcome.lostChunks.append(chunks) }
                outcome.lostControls += packets[index].controls
                packets[index].chunks = nil
                packets[index].controls = []
            }
            index += 1
        }
        // Restarts the timer even if nothing can be sent.
        lastElicitingTime = time
    }

    private mutating func remove(_ byteCount: Int) {
        bytesInFlight -= byteCount
        outstandingCount -= 1
    }

    private mutating func trim() {
        while head < packets.count, !packets[head].isOutstanding {
            head += 1
            base += 1
        }
        // The rest moves only when half is empty: constant time a packet on average.
        if head > 32, head * 2 > packets.count {
            packets.removeFirst(head)
            head = 0
        }
    }
}
