import Adapters
import Aggregation
import Basics
import Overlay
import Wire

/// A contribution that is served.
struct PublishedContribution: Sendable {
    let round: Int
    let object: ObjectID
    let byteCount: Int
    let encoding: UInt16
    var audience: MixingAudience
}

/// What this peer published last, where it can be read by itself and says nothing but values: whose contribution has
/// the same digest says the same.
struct OwnContribution: Sendable {
    let root: [UInt8]
    let encoding: UInt16
    /// What everybody reads in it.
    let delta: AdapterDelta
}

/// The part of a manifest that is federation's own: one byte of version, then what settling tells, in settling rounds.
struct ContributionStatus: Sendable, Hashable {
    static let version: UInt8 = 1
    /// The greatest depth of an agreement vector: a manifest's status has 512 bytes, and the vector an entry more.
    static let maximumDepth = 500

    /// What settling tells; empty in rounds with training.
    var settling: [UInt8]

    var encoded: [UInt8] { [Self.version] + settling }

    init(settling: [UInt8]) { self.settling = settling }

    /// The status that `bytes` hold in a swarm that settles by `rule`; nil for anything else.
    init?(encoded bytes: [UInt8], rule: any SettlingRule) {
        guard bytes.first == Self.version, bytes.count == 1 || rule.accepts(bytes.dropFirst()) else { return nil }
        settling = Array(bytes.dropFirst())
    }
}

extension PeerCore {
    /// Signs, serves and offers what the exchange makes of the adapter in this round, and ends serving old contributions. A
    /// mixing rule may have something else for every neighbour, or nothing.
    mutating func publish(isFinal: Bool, at time: MonotonicTime) {
        var publications: [Publication] = []
        let latest = published.last?.object
        let present = neighbours.filter(\.isConnected).map(\.id)
        var mixing = mixingRound(isFinal: isFinal)
        mixing.present = Set(present)
        for contribution in pipeline.outgoing(delta, in: mixing, present: present) {
            publications.append(publish(contribution, of: round, isFinal: isFinal, at: time))
        }
        if publications.isEmpty {
            if isAudited, tampering == nil { directives.append(.audit(.paused(round: round, own: exchanged(delta)))) }
        } else {
            // An offer says as much as a heartbeat.
            lastTold = time
        }
        reportChoice(at: time)
        // One who tampers may have withheld it.
        guard tampering == nil || published.last?.object != latest else { return }
        retireOld()
        // Whom this round has nothing for has been offered what there was before.
        for neighbour in neighbours where neighbour.isConnected {
            offerLatest(to: neighbour.id, count: 1, since: round, at: time)
        }
        guard tampering != nil else { return }
        let scene = scene
        for publication in publications { tampering?.offered(publication, in: scene, through: &wire, at: time) }
    }

    /// The rounds whose contributions are served, ascending.
    package var servedRounds: [Int] { Set(published.map(\.round)).sorted() }

    /// Ends serving what nobody has a use for; what is newest stays, however old it is.
    ///
    /// Neighbours within the staleness bound may still fetch and mix a contribution. Who is in a later round and is not
    /// fetching it has mixed it, or goes on without. Where rounds exchange different factors, the last two are an adapter
    /// together.
    mutating func retireOld() {
        guard let newest = published.last?.round else { return }
        let kept = pipeline.factors.changesByRound ? 2 : 1
        var remaining: [PublishedContribution] = []
        for contribution in published {
            let isTooOld = contribution.round < round - 1 - configuration.exchange.staleness
            let isOfUse =
                tampering != nil || contribution.round > newest - kept
                || neighbours.contains { neighbour in
                    contribution.audience.includes(neighbour.id) && !neighbour.isBarred
                        && (neighbour.latestRound <= contribution.round
                            || wire.isServing(contribution.object, to: neighbour.id))
                }
            if contribution.round < newest, isTooOld || !isOfUse {
                wire.retire(contribution.object)
            } else {
                remaining.append(contribution)
            }
        }
        published = remaining
    }

    /// Tells which level of compression the budget led to, where that is not as it was told last.
    private mutating func reportChoice(at time: MonotonicTime) {
        guard let choice = pipeline.choice,
            choice.level != toldChoice?.level || choice.fits != toldChoice?.fits
        else { return }
        toldChoice = choice
        report(
            .compressionChosen(
                round: round, level: choice.level.rawValue, byteCount: choice.bytes, budget: choice.limit,
                fits: choice.fits), at: time)
    }

    /// Publishes the last contribution whole for a neighbour that cannot read it as it was made, because it lacks what that
    /// is the difference to. One object does for all of them, and for who comes and goes again and again.
    ///
    /// - Returns: false where there is no need for it.
    @discardableResult
    mutating func publishWhole(for peer: PeerID, at time: MonotonicTime) -> Bool {
        guard let last = published.last, pipeline.needsWhole(peer) else { return false }
        let made = published.lastIndex { $0.round == last.round && $0.encoding != DifferenceCoding.number }
        if let made, case .only(let peers) = published[made].audience {
            published[made].audience = .only(peers.union([peer]))
            return true
        }
        guard let contribution = pipeline.wholeContribution(for: peer, in: mixingRound()) else { return false }
        _ = publish(contribution, of: last.round, isFinal: finalObjects.contains(last.object), at: time)
        return true
    }

    /// - Returns: what the peer means to publish, whatever was made of it.
    private mutating func publish(
        _ contribution: ExchangePipeline.Outgoing, of round: Int, isFinal: Bool, at time: MonotonicTime
    ) -> Publication {
        let payload = HashedPayload(contribution.payload)
        let meant = Publication(
            manifest: manifest(of: payload, encoding: contribution.encoding, in: round, isFinal: isFinal),
            payload: payload, delta: contribution.delta, hasSum: contribution.tracked != nil)
        nextSequence += 1
        let object: ObjectID
        if tampering != nil {
            guard let served = tampering?.serve(meant, through: &wire) else { return meant }
            object = served
        } else {
            object = wire.publish(SignedManifest(meant.manifest, signedWith: local.signingKey), payload)
        }
        let byteCount = payload.bytes.count
        published.append(
            PublishedContribution(
                round: round, object: object, byteCount: byteCount, encoding: contribution.encoding,
                audience: contribution.audience))
        let norm = contribution.delta.norm
        ledger.append(PublishedLedger.Entry(round: round, object: object, norm: norm, byteCount: byteCount))
        if isFinal { finalObjects.insert(object) }
        let isSelfContained =
            contribution.encoding != DifferenceCoding.number && configuration.exchange.mixing.headerByteCount == 0
            && contribution.tracked == nil
        twin =
            isSelfContained
            ? OwnContribution(root: payload.root, encoding: contribution.encoding, delta: contribution.delta) : nil
        if isAudited, tampering == nil {
            directives.append(
                .audit(
                    .published(
                        round: round, sequence: meant.manifest.sequence, isFinal: isFinal, delta: contribution.delta,
                        // A whole copy for a latecomer may be of a round that is over: the own adapter is another by
                        // then.
                        own: round == self.round ? exchanged(delta) : nil)))
        }
        report(
            .contributionPublished(
                round: round, byteCount: byteCount, tensors: contribution.delta.schema.tensors.count, norm: norm,
                object: object.description), at: time)
        return meant
    }

    /// What one who tampers sees of this peer.
    var scene: TamperingScene {
        TamperingScene(
            neighbours: neighbours.map { (id: $0.id, isConnected: $0.isConnected) }, served: published.map(\.object))
    }

    /// What is signed for a contribution of this round with `payload`.
    private func manifest(
        of payload: HashedPayload, encoding: UInt16, in round: Int, isFinal: Bool
    ) -> ContributionManifest {
        let isSettling = round >= configuration.rounds
        return ContributionManifest(
            swarm: swarm.identifier, origin: local.id, round: UInt64(round), sequence: nextSequence,
            baseModelDigest: configuration.baseModelDigest, schemaDigest: schemaDigest, encoding: encoding,
            flags: isFinal ? .final : [], sampleCount: UInt64(max(1, roster.sampleCount)), payload: payload,
            status: ContributionStatus(settling: isSettling ? settling.status : []).encoded)
    }

    /// Offers the newest `count` contributions that are for `peer`, oldest first, as far as they are of the round `first` or
    /// later.
    mutating func offerLatest(to peer: PeerID, count: Int, since first: Int = 0, at time: MonotonicTime) {
        let newest = published.last?.round
        for contribution in published.filter({ $0.audience.includes(peer) }).suffix(count)
        where contribution.round >= first {
            let isTaken = wire.announce(contribution.object, to: peer, at: time)
            if isTaken, contribution.round == newest { pipeline.offered(to: peer) }
            report(
                .contributionOffered(
                    to: peer, round: contribution.round, byteCount: contribution.byteCount,
                    object: contribution.object.description), at: time)
        }
    }
}
