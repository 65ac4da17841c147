import Adapters
import Aggregation
import Basics
import Overlay
import Wire

extension PeerCore {
    /// How often an object is asked for.
    static let requestLimit = 5
    /// The pause before an object is asked for again.
    static let requestPause = Duration.seconds(1)

    /// Takes an event of the protocol.
    mutating func handle(_ event: WireEvent, at time: MonotonicTime) {
        switch event {
        case .connected(let peer):
            guard let index = index(of: peer) else { return }
            neighbours[index].connect(at: time)
            // Who comes back in settling is waited for again: what that may cost in all has a bound of its own.
            if round >= configuration.rounds { neighbours[index].misses = 0 }
            report(.connected(peer), as: .connected, about: index, at: time)
            tellSettings(to: peer, at: time)
            oweAllGains(to: index)
            // Before contributions of later rounds, which say that no mean of an earlier one follows.
            tellMean(to: peer, at: time)
            let isWhole = publishWhole(for: peer, at: time)
            offerLatest(to: peer, count: isWhole ? 1 : 2, at: time)
        case .disconnected(let peer, let reason):
            guard let index = index(of: peer) else { return }
            let wasFinal = neighbours[index].isFinal
            neighbours[index].disconnect(left: reason == .closed, at: time)
            // A new incarnation knows nothing of its finish; one that broke off or left has not forgotten.
            neighbours[index].isFinal = wasFinal && reason != .restarted
            pipeline.lost(peer)
            report(.disconnected(peer, reason: "\(reason)"), as: .disconnected, about: index, at: time)
        case .delivered(let object, let peer, let byteCount, let total):
            delivered(object, to: peer, byteCount: byteCount, of: total, at: time)
        case .message(let peer, let bytes):
            switch bytes.first {
            case Heartbeat.type: heard(message: bytes, from: peer, at: time)
            case WholeRequest.type: wholeAsked(by: peer, at: time)
            case SliceRefusal.type: heard(declining: bytes, from: peer, at: time)
            case SignedGainRow.type: gainHeard(bytes, from: peer, at: time)
            default: takeMessage(bytes, from: peer, at: time)
            }
        case .equivocated(let proof):
            let sequence = proof.first.manifest.sequence
            bar(proof.origin, reason: "it signed two contributions under the number \(sequence)", at: time)
        case .revoked(let peer): bar(peer, reason: "its keys were revoked", at: time)
        case .announced(let peer, let manifest): announced(manifest, from: peer, at: time)
        case .received(let peer, let manifest, let payload):
            received(manifest, payload: payload, from: peer, at: time)
        case .receivedLeaves(let leaves, let peer, let manifest, let bytes):
            receivedLeaves(leaves, of: manifest, bytes, from: peer, at: time)
        case .transferFailed(let object, let peer, let reason):
            guard let index = index(of: peer) else { return }
            guard let lost = neighbours[index].inFlight.removeValue(forKey: object) else {
                return partFailed(object, of: index, reason: reason, at: time)
            }
            // Only what may go better a second later: no progress, or a holder that serves too many. What is corrupt or
            // not served stays so.
            guard reason == .timedOut || reason == .limitReached, lost.tries < Self.requestLimit else {
                askForWhole(index, at: time)
                return
            }
            neighbours[index].retries.append((object, lost.round, lost.tries, time + Self.requestPause))
        }
    }

    private mutating func bar(_ peer: PeerID, reason: String, at time: MonotonicTime) {
        guard let index = index(of: peer), !neighbours[index].isBarred else { return }
        neighbours[index].bar()
        report(.barred(peer, reason: reason), at: time)
    }

    /// The most neighbours that are told of one contribution what its origin said.
    private static let witnesses = 4

    /// Passes a neighbour's manifest on to some others that know it too, other ones every round, so that one who tells each neighbour
    /// something else is found out where two that it has lied to know each other or a third.
    private mutating func testify(_ signed: SignedManifest, of index: Int) {
        guard let origin = roster[neighbours[index].id] else { return }
        let others = neighbours.indices.filter {
            $0 != index && neighbours[$0].isConnected && origin.knows(neighbours[$0].id)
        }
        guard !others.isEmpty else { return }
        for step in 0..<min(Self.witnesses, others.count) {
            let place =
                // The round is the neighbour's claim: the remainder keeps the product small.
                (Int(truncatingIfNeeded: signed.manifest.round % 1024) * Self.witnesses + index + step) % others.count
            wire.testify(signed.encoded, to: neighbours[others[place]].id)
        }
    }

    func index(of peer: PeerID) -> Int? { neighbours.firstIndex { $0.id == peer } }

    /// A neighbour offers a contribution: fetch it if it can be of use.
    private mutating func announced(_ signed: SignedManifest, from peer: PeerID, at time: MonotonicTime) {
        let manifest = signed.manifest
        guard let index = index(of: peer), manifest.origin == peer else { return }
        testify(signed, of: index)
        if manifest.encoding == SliceMean.encoding, pipeline.reduces {
            return meanAnnounced(signed, from: index, at: time)
        }
        if tampering != nil {
            let scene = scene
            tampering?.heard(signed, in: scene, through: &wire)
        }
        if let reason = refusal(of: manifest) {
            refuse(signed, from: index, reason: reason, at: time)
            return
        }
        if let reason = lie(of: manifest, from: index, at: time) {
            refuse(signed, from: index, through: round, reason: reason, at: time)
            return
        }
        let offered = Int(manifest.round)
        let isFinal = manifest.flags.contains(.final)
        // The same once more is no sign that it is at work.
        if manifest.sequence > neighbours[index].latestSequence { neighbours[index].showSign(at: time) }
        if manifest.sequence >= neighbours[index].latestSequence {
            // Who is behind and comes further is slow, and no more than that.
            let isAhead = offered > round + configuration.exchange.staleness
            if offered > neighbours[index].latestRound, !isAhead { neighbours[index].misses = 0 }
            neighbours[index].latestSequence = manifest.sequence
            neighbours[index].latestRound = offered
            neighbours[index].latestRoot = manifest.root
            see(index, in: offered, at: time)
            if isFinal { neighbours[index].isFinal = true }
        }
        if offered >= round - configuration.exchange.staleness { neighbours[index].isSuspect = false }
        switch phase {
        // The adapter is final, and nothing is mixed any more: only the news above was of use.
        case .keeping, .finished, .stopped: return
        case .ready, .training, .gathering: break
        }
        guard isFinal || offered >= round - configuration.exchange.staleness,
            !neighbours[index].taken.contains(manifest.sequence),
            neighbours[index].inFlight[signed.id] == nil,
            // Those to be asked for again count too: whoever offers much and sends nothing fills no more than this.
            neighbours[index].inFlight.count + neighbours[index].retries.count < NeighbourState.inFlightLimit
        else { return }
        if takeEqual(signed, from: index, at: time) { return }
        guard neighbours[index].mayBeAsked(in: round) else {
            refuse(signed, from: index, through: -1, reason: "it offers more than can be of use", at: time)
            return
        }
        if takeSliced(signed, from: index, at: time) { return }
        neighbours[index].inFlight[signed.id] = (offered, 1)
        wire.request(signed.id, from: peer, at: time)
    }

    /// No contribution is of a later round than this: who has restarted late adds one to its donors' round, and settles
    /// once more.
    var latestPossibleRound: Int { configuration.rounds + 4 * (configuration.settlingLimit + 1) }

    /// What no honest peer would say, however slow or fast it is; nil if there is nothing.
    private func lie(of manifest: ContributionManifest, from index: Int, at time: MonotonicTime) -> String? {
        let claimed = Int(clamping: manifest.round)
        let earliest = configuration.rounds + settling.leastRounds
        if manifest.flags.contains(.final), claimed < earliest {
            return "it calls itself final in round \(claimed); no peer can know before round \(earliest) that all agree"
        }
        guard claimed > round + configuration.exchange.staleness, !canReach(claimed, index, at: time),
            !isVouched(claimed, besides: index)
        else { return nil }
        let seen = neighbours[index].seen.map { "it was in round \($0.round) \((time - $0.time).inSeconds) s ago" }
        return "it cannot have come to round \(claimed) so soon" + (seen.map { ": " + $0 } ?? "")
    }

    /// Why a manifest's contribution is not fetched; nil if it may be.
    private func refusal(of manifest: ContributionManifest) -> String? {
        if let reason = settingsRefusal(of: manifest.origin) { return reason }
        if manifest.round > UInt64(latestPossibleRound) { return "the swarm has no round \(manifest.round)" }
        if manifest.baseModelDigest != configuration.baseModelDigest { return "it is for another base model" }
        if manifest.schemaDigest != schemaDigest { return "its adapter has another schema" }
        if let refusal = pipeline.refusal(
            encoding: manifest.encoding, byteCount: manifest.payloadByteCount, round: Int(clamping: manifest.round))
        {
            return refusal.description
        }
        if ContributionStatus(encoded: manifest.status, rule: settling) == nil { return "its status is malformed" }
        return nil
    }

    /// Takes note that a contribution is of no use, and that none is to be expected of the neighbour in its round, or
    /// through the round `through` where what it says of its round is not to be believed.
    mutating func refuse(
        _ signed: SignedManifest, from index: Int, through: Int? = nil, reason: String, at time: MonotonicTime
    ) {
        let manifest = signed.manifest
        let isFinal = manifest.flags.contains(.final) && through == nil
        if isFinal { neighbours[index].isFinal = true }
        let last = isFinal ? .max : through ?? Int(clamping: manifest.round)
        neighbours[index].refusedThrough = max(neighbours[index].refusedThrough, last)
        report(
            .contributionRefused(
                from: neighbours[index].id, round: Int(clamping: manifest.round), byteCount: manifest.payloadByteCount,
                reason: reason), as: .refused, about: index, at: time)
    }

    /// A contribution arrived: keep it if it passes the gate.
    private mutating func received(
        _ signed: SignedManifest, payload: [UInt8], from peer: PeerID, at time: MonotonicTime
    ) {
        guard let index = index(of: peer) else { return }
        guard neighbours[index].inFlight.removeValue(forKey: signed.id) != nil else {
            return meanReceived(signed, payload: payload, from: index, at: time)
        }
        guard take(signed, payload: payload, from: index, at: time) else {
            if neighbours[index].undecoded.count == NeighbourState.inFlightLimit {
                neighbours[index].undecoded.removeFirst()
            }
            neighbours[index].undecoded.append((signed, payload))
            askForWhole(index, at: time)
            return
        }
        takeUndecoded(after: signed, from: index, at: time)
    }

    /// What came before a contribution and needs it.
    private mutating func takeUndecoded(after signed: SignedManifest, from index: Int, at time: MonotonicTime) {
        while let next = neighbours[index].undecoded.first {
            if next.signed.manifest.sequence > signed.manifest.sequence {
                guard take(next.signed, payload: next.payload, from: index, at: time) else { break }
            }
            neighbours[index].undecoded.removeFirst()
        }
    }

    /// - Returns: false where it is the difference to something that is not here.
    private mutating func take(
        _ signed: SignedManifest, payload: [UInt8], from index: Int, at time: MonotonicTime
    ) -> Bool {
        let (manifest, peer) = (signed.manifest, neighbours[index].id)
        let opened: ExchangePipeline.Opened
        do {
            opened = try pipeline.open(
                payload, encoding: manifest.encoding, sequence: manifest.sequence,
                round: Int(clamping: manifest.round), from: peer)
        } catch {
            if error == .unknownBase { return false }
            refuse(signed, from: index, reason: error.description, at: time)
            return true
        }
        keep(
            signed, header: opened.header, opened.delta, tracked: opened.tracked, fetched: payload.count, from: index,
            at: time)
        return true
    }

    /// Takes a contribution that holds what this peer last published to the last bit, which nobody has to fetch: once a
    /// swarm agrees exactly, all do.
    ///
    /// - Returns: false for any other.
    mutating func takeEqual(_ signed: SignedManifest, from index: Int, at time: MonotonicTime) -> Bool {
        let manifest = signed.manifest
        // Both have the same length, too: the root covers it.
        guard tampering == nil, let twin, manifest.root == twin.root, manifest.encoding == twin.encoding,
            pipeline.factors.schema(in: Int(clamping: manifest.round)) == twin.delta.schema
        else { return false }
        pipeline.heard(twin.delta, sequence: manifest.sequence, from: neighbours[index].id)
        keep(signed, header: [], twin.delta, tracked: nil, fetched: 0, from: index, at: time)
        takeUndecoded(after: signed, from: index, at: time)
        return true
    }

    /// Keeps a contribution that was let in.
    ///
    /// - Parameter byteCount: how much of it came over the network.
    private mutating func keep(
        _ signed: SignedManifest, header: [UInt8], _ delta: AdapterDelta, tracked: AdapterDelta?,
        fetched byteCount: Int, from index: Int, at time: MonotonicTime
    ) {
        let (manifest, peer) = (signed.manifest, neighbours[index].id)
        let weight = configuration.exchange.weight(ofSampleCount: Int(clamping: manifest.sampleCount))
        var share = HeardShare(
            origin: peer, round: Int(manifest.round), weight: weight, delta: delta, header: header)
        share.tracked = tracked
        let contribution = Contribution(
            object: signed.id, sequence: manifest.sequence, isFinal: manifest.flags.contains(.final),
            isEqual: byteCount == 0,
            settling: ContributionStatus(encoded: manifest.status, rule: settling)?.settling ?? [], share: share)
        neighbours[index].showSign(at: time)
        neighbours[index].insert(contribution, staleness: configuration.exchange.staleness)
        prune(index)
        waits.arrived(round: contribution.round, at: time)
        report(
            .contributionReceived(
                from: peer, round: contribution.round, byteCount: byteCount, object: signed.id.description), at: time)
    }

    /// Asks again for what failed to arrive.
    mutating func repeatRequests(at time: MonotonicTime) {
        for index in neighbours.indices {
            let due = neighbours[index].retries.filter { $0.time <= time }
            guard !due.isEmpty else { continue }
            neighbours[index].retries.removeAll { $0.time <= time }
            for retry in due {
                neighbours[index].inFlight[retry.object] = (retry.round, retry.tries + 1)
                wire.request(retry.object, from: neighbours[index].id, at: time)
            }
        }
    }
}
