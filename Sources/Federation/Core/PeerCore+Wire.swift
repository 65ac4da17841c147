import Adapters
import Aggregation
import Basics
import Wire

extension PeerCore {
    /// How often an object is asked for.
    static let requestLimit = 5
    /// The pause before an object is asked for again.
    static let requestPause = Duration.seconds(1)

    /// Signs and serves the adapter as this round's contribution, offers it, and ends serving old ones.
    mutating func publish(isFinal: Bool, at time: MonotonicTime) {
        let payload = HashedPayload(gate.payload(of: delta))
        let manifest = manifest(of: payload, isFinal: isFinal)
        nextSequence += 1
        let object: ObjectID
        if let misconduct {
            object = serve(manifest, payload: payload.bytes, misconduct)
        } else {
            object = wire.publish(SignedManifest(manifest, signedWith: local.signingKey), payload)
        }
        published.append((round, object, payload.bytes.count))
        if isAudited, misconduct == nil {
            directives.append(
                .audit(.published(round: round, sequence: manifest.sequence, isFinal: isFinal, delta: delta)))
        }
        report(
            .contributionPublished(
                round: round, byteCount: payload.bytes.count, norm: delta.norm, object: object.description), at: time)
        while let first = published.first, first.round < round - 1 - configuration.staleness, published.count > 1 {
            wire.retire(first.object)
            published.removeFirst()
        }
        for neighbour in neighbours where neighbour.isConnected { offerLatest(to: neighbour.id, count: 1, at: time) }
        if let misconduct { offer(misconduct, isFinal: isFinal, at: time) }
    }

    /// What is signed for a contribution of this round with `payload`.
    func manifest(of payload: HashedPayload, isFinal: Bool) -> ContributionManifest {
        let isSettling = round >= configuration.rounds
        return ContributionManifest(
            swarm: swarm.identifier, origin: local.id, round: UInt64(round), sequence: nextSequence,
            baseModelDigest: configuration.baseModelDigest, schemaDigest: schemaDigest, encoding: Self.plainEncoding,
            flags: isFinal ? .final : [], sampleCount: UInt64(max(1, configuration.sampleCount)), payload: payload,
            status: ContributionStatus(agreement: isSettling ? agreement : nil).encoded)
    }

    /// Offers the newest `count` contributions, oldest first.
    private mutating func offerLatest(to peer: PeerID, count: Int, at time: MonotonicTime) {
        for (round, object, byteCount) in published.suffix(count) {
            wire.announce(object, to: peer, at: time)
            report(.contributionSent(to: peer, round: round, byteCount: byteCount), at: time)
        }
    }

    /// Takes an event of the protocol.
    mutating func handle(_ event: WireEvent, at time: MonotonicTime) {
        switch event {
        case .connected(let peer):
            guard let index = index(of: peer) else { return }
            neighbours[index].isConnected = true
            neighbours[index].wasConnected = true
            neighbours[index].hasLeft = false
            neighbours[index].isSuspect = false
            // Who comes back without its memory has not finished, whatever it said before.
            neighbours[index].isFinal = false
            report(.connected(peer), at: time)
            offerLatest(to: peer, count: 2, at: time)
        case .disconnected(let peer, let reason):
            guard let index = index(of: peer) else { return }
            let wasFinal = neighbours[index].isFinal
            neighbours[index].disconnect(left: reason == .closed, at: time)
            neighbours[index].isFinal = wasFinal && reason != .restarted
            report(.disconnected(peer, reason: "\(reason)"), at: time)
        case .message, .delivered: break
        case .equivocated(let proof):
            let sequence = proof.first.manifest.sequence
            bar(proof.origin, reason: "it signed two contributions under the number \(sequence)", at: time)
        case .revoked(let peer): bar(peer, reason: "its keys were revoked", at: time)
        case .announced(let peer, let manifest): announced(manifest, from: peer, at: time)
        case .received(let peer, let manifest, let payload):
            received(manifest, payload: payload, from: peer, at: time)
        case .transferFailed(let object, let peer, let reason):
            guard let index = index(of: peer), let lost = neighbours[index].inFlight.removeValue(forKey: object) else {
                return
            }
            guard reason == .timedOut || reason == .limitReached, lost.tries < Self.requestLimit else { return }
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
        let others = neighbours.indices.filter {
            $0 != index && neighbours[$0].isConnected && neighbours[index].common?.contains(neighbours[$0].id) ?? true
        }
        guard !others.isEmpty else { return }
        for step in 0..<min(Self.witnesses, others.count) {
            let place =
                (Int(truncatingIfNeeded: signed.manifest.round % 1024) * Self.witnesses + index + step) % others.count
            wire.testify(signed, to: neighbours[others[place]].id)
        }
    }

    private func index(of peer: PeerID) -> Int? { neighbours.firstIndex { $0.id == peer } }

    /// A neighbour offers a contribution: fetch it if it can be of use.
    private mutating func announced(_ signed: SignedManifest, from peer: PeerID, at time: MonotonicTime) {
        let manifest = signed.manifest
        guard let index = index(of: peer), manifest.origin == peer else { return }
        testify(signed, of: index)
        if misconduct == .forge { forge(signed) }
        if let reason = refusal(of: manifest) {
            refuse(signed, from: index, reason: reason, at: time)
            return
        }
        let offered = Int(manifest.round)
        let isFinal = manifest.flags.contains(.final)
        if manifest.sequence >= neighbours[index].latestSequence {
            neighbours[index].latestSequence = manifest.sequence
            neighbours[index].latestRound = offered
            if isFinal { neighbours[index].isFinal = true }
        }
        if offered >= round - configuration.staleness { neighbours[index].isSuspect = false }
        switch phase {
        case .keeping, .finished, .stopped: return
        case .ready, .training, .gathering: break
        }
        guard isFinal || offered >= round - configuration.staleness,
            !neighbours[index].taken.contains(manifest.sequence),
            neighbours[index].inFlight[signed.id] == nil,
            // Those to be asked for again count too: whoever offers much and sends nothing fills no more than this.
            neighbours[index].inFlight.count + neighbours[index].retries.count < NeighbourState.inFlightLimit
        else { return }
        neighbours[index].inFlight[signed.id] = (offered, 1)
        wire.request(signed.id, from: peer, at: time)
    }

    /// No contribution is of a later round than this: who has restarted late adds one to its donors' round, and settles
    /// once more.
    private var lastRound: Int { configuration.rounds + 4 * (configuration.settlingLimit + 1) }

    /// Why a manifest's contribution is not fetched; nil if it may be.
    private func refusal(of manifest: ContributionManifest) -> String? {
        if manifest.round > UInt64(lastRound) { return "the swarm has no round \(manifest.round)" }
        if manifest.baseModelDigest != configuration.baseModelDigest { return "it is for another base model" }
        if manifest.schemaDigest != schemaDigest { return "its adapter has another schema" }
        if manifest.encoding != Self.plainEncoding { return "its encoding \(manifest.encoding) is unknown" }
        if manifest.payloadByteCount != 4 * configuration.schema.count { return "its length is not the schema's" }
        if ContributionStatus(encoded: manifest.status, depth: configuration.agreementDepth) == nil {
            return "its status is malformed"
        }
        return nil
    }

    private mutating func refuse(_ signed: SignedManifest, from index: Int, reason: String, at time: MonotonicTime) {
        let manifest = signed.manifest
        let isFinal = manifest.flags.contains(.final)
        if isFinal { neighbours[index].isFinal = true }
        neighbours[index].refusedThrough =
            isFinal ? .max : max(neighbours[index].refusedThrough, Int(clamping: manifest.round))
        report(
            .contributionRefused(
                from: neighbours[index].id, round: Int(clamping: manifest.round), byteCount: manifest.payloadByteCount,
                reason: reason), at: time)
    }

    /// A contribution arrived: keep it if it passes the gate.
    private mutating func received(
        _ signed: SignedManifest, payload: [UInt8], from peer: PeerID, at time: MonotonicTime
    ) {
        guard let index = index(of: peer), neighbours[index].inFlight.removeValue(forKey: signed.id) != nil else {
            return
        }
        let manifest = signed.manifest
        let received: AdapterDelta
        do { received = try gate.open(payload) } catch {
            refuse(signed, from: index, reason: error.description, at: time)
            return
        }
        let contribution = Contribution(
            round: Int(manifest.round), sequence: manifest.sequence,
            sampleCount: Int(clamping: manifest.sampleCount), isFinal: manifest.flags.contains(.final),
            agreement: ContributionStatus(encoded: manifest.status, depth: configuration.agreementDepth)?.agreement,
            delta: received)
        neighbours[index].insert(contribution)
        neighbours[index].prune(for: round)
        waits.arrived(round: contribution.round, at: time)
        report(
            .contributionReceived(
                from: peer, round: contribution.round, byteCount: payload.count, object: signed.id.description),
            at: time)
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
