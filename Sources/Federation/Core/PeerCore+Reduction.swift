import Adapters
import Aggregation
import Basics
import Cryptography
import Overlay
import Wire

/// The exact average, slice by slice: `Reduction`.
extension PeerCore {
    /// Peers that were too slow for slices are given so many rounds of gossip before it is tried again.
    private static let roundsOfGossip = 4

    /// The round's contribution is published: its average is to be made in slices, if everybody is there.
    mutating func beginReduction(deadline: MonotonicTime, at time: MonotonicTime) {
        guard pipeline.reduces else { return }
        retireMeans()
        guard let own = published.last, own.round == round,
            let division = sliceDivision(in: round, encoding: own.encoding)
        else { return gossipFromTheStart(at: time) }
        guard mayReduce(round) else {
            decline(at: time)
            return gossipFromTheStart(at: time)
        }
        reduction = Reduction(round: round, division: division, until: deadline)
        for index in neighbours.indices { askForSlices(of: index, at: time) }
    }

    /// What was fetched in slices for this round is fetched whole.
    mutating func gossipFromTheStart(at time: MonotonicTime) {
        gossipsThrough = max(gossipsThrough, round)
        for index in neighbours.indices { fetchWhole(round, of: index, at: time) }
    }

    /// Goes on with the average as far as it is possible now.
    ///
    /// - Returns: whether the round was mixed with it.
    mutating func reduce(since: MonotonicTime, deadline: MonotonicTime, at time: MonotonicTime) -> Bool {
        guard let current = reduction, current.round == round else { return false }
        for index in neighbours.indices { askForSlices(of: index, at: time) }
        // This is asked after every datagram: what all have offered is looked at only where that may have changed.
        if current.meanSquares == nil, isAllHere(slices: current.basis != nil, in: current) {
            let offers = neighbours.indices.map { offer(of: $0, in: current) }
            if current.basis == nil, let basis = basis(of: offers, in: current) {
                reduction?.basis = basis
                // Somebody began anew after means were fetched.
                for index in neighbours.indices where neighbours[index].mean?.isAsked ?? false {
                    guard isMean(of: index, basedOn: basis) else { return giveUpMeans(of: index, at: time) }
                }
                // From now on it is a matter of sending: nobody trains any more.
                let until = min(current.until, time + waits.patience(training: .zero))
                reduction?.until = until
            }
            // Where all have the same there is nothing to average.
            if offers.allSatisfy({ $0?.isEqual ?? false }) { return false }
            if let basis = reduction?.basis { publishMean(of: offers, basis: basis, in: current, at: time) }
        }
        if let basis = reduction?.basis {
            guard askForMeans(basis: basis, at: time) else { return false }
            if let norm = averageNorm(in: current) {
                let offers = neighbours.indices.compactMap { offer(of: $0, in: current) }
                return finish(norm: norm, of: offers, since: since, at: time)
            }
        }
        if let obstacle = obstacle(in: current, since: since, deadline: deadline, at: time) {
            gossip(obstacle, at: time)
        }
        return false
    }

    // MARK: - Contributions

    /// What is known of a neighbour's contribution to the round.
    struct SliceOffer {
        let origin: PeerID
        let object: ObjectID
        let sequence: UInt64
        let weight: Int
        let settling: [UInt8]
        /// Whether it says what this peer's own says.
        var isEqual = false
        /// Bytes that were fetched of it for the slice; nil where it is here whole.
        var fetched: Int?
        /// The own slice of it; nil until it is here.
        let slice: ArraySlice<Float>?
    }

    /// Whether everybody's contribution to the round is known; with `slices`, whether the own slice of each is here.
    private func isAllHere(slices: Bool, in reduction: Reduction) -> Bool {
        for index in neighbours.indices {
            let isThere =
                neighbours[index].contributions.contains { $0.round == reduction.round }
                || neighbours[index].sliced.contains { $0.round == reduction.round && (!slices || $0.values != nil) }
            guard isThere else { return false }
        }
        return true
    }

    private func offer(of index: Int, in reduction: Reduction) -> SliceOffer? {
        let neighbour = neighbours[index]
        let part = neighbour.sliced.first { $0.round == reduction.round }
        if let whole = neighbour.contributions.first(where: { $0.round == reduction.round }),
            part.map({ $0.signed.manifest.sequence < whole.sequence }) ?? true
        {
            let values = whole.share.delta.values
            guard values.count == reduction.division.layout.count else { return nil }
            return SliceOffer(
                origin: neighbour.id, object: whole.object, sequence: whole.sequence, weight: whole.share.weight,
                settling: whole.settling, isEqual: whole.isEqual && whole.share.delta == twin?.delta,
                slice: values[reduction.division.layout.values(of: reduction.division.rank)])
        }
        guard let part else { return nil }
        let manifest = part.signed.manifest
        return SliceOffer(
            origin: neighbour.id, object: part.signed.id, sequence: manifest.sequence,
            weight: configuration.exchange.weight(ofSampleCount: Int(clamping: manifest.sampleCount)),
            settling: ContributionStatus(encoded: manifest.status, rule: settling)?.settling ?? [],
            fetched: reduction.division.layout.leafBytes(of: reduction.division.rank),
            slice: part.values.map { $0[...] })
    }

    /// Names the contributions that are averaged, and so who made them and what they count; nil until all are known.
    private func basis(of offers: [SliceOffer?], in reduction: Reduction) -> [UInt8]? {
        guard let own = published.last(where: { $0.round == reduction.round }) else { return nil }
        var named = [(id: local.id, object: own.object)]
        for offer in offers {
            guard let offer else { return nil }
            named.append((offer.origin, offer.object))
        }
        let bytes = named.sorted { $0.id < $1.id }.flatMap { $0.id.bytes + $0.object.bytes }
        return Digest.blake2b256(bytes, personalisation: "murmur-basis")
    }

    // MARK: - Means

    /// Averages the own slice and publishes its mean, once all have given theirs.
    private mutating func publishMean(
        of offers: [SliceOffer?], basis: [UInt8], in reduction: Reduction, at time: MonotonicTime
    ) {
        let division = reduction.division
        let range = division.layout.values(of: division.rank)
        guard let own = twin, own.delta.values.count == division.layout.count else { return }
        let weight = configuration.exchange.weight(ofSampleCount: roster.sampleCount)
        var terms = [ExactMean.Term(origin: local.id, weight: weight, values: own.delta.values[range])]
        for offer in offers {
            guard let offer, let slice = offer.slice, slice.count == range.count else { return }
            terms.append(ExactMean.Term(origin: offer.origin, weight: offer.weight, values: slice))
        }
        let mean = ExactMean.of(terms)
        makeRoom(for: reduction)
        average.replaceSubrange(range, with: mean)
        let squares = AdapterDelta.squares(of: mean[...])
        self.reduction?.meanSquares = squares
        guard !mean.isEmpty else { return }
        let payload = HashedPayload(ExchangePipeline.payload(ofMean: tampering?.mean(mean) ?? mean))
        let total = terms.reduce(UInt64(0)) { $0.addingReportingOverflow(UInt64(max(1, $1.weight))).partialValue }
        let manifest = ContributionManifest(
            swarm: swarm.identifier, origin: local.id, round: UInt64(round), sequence: nextSequence,
            baseModelDigest: configuration.baseModelDigest, schemaDigest: schemaDigest, encoding: SliceMean.encoding,
            sampleCount: total, payload: payload, status: SliceMean.status(basis: basis))
        nextSequence += 1
        let object = wire.publish(SignedManifest(manifest, signedWith: local.signingKey), payload)
        means.append((round, object))
        ledger.append(
            PublishedLedger.Entry(
                round: round, object: object, norm: squares.squareRoot(), byteCount: payload.bytes.count))
        for neighbour in neighbours where neighbour.isConnected { wire.announce(object, to: neighbour.id, at: time) }
        lastTold = time
    }

    /// Asks for the means that are offered.
    ///
    /// - Returns: false where one is of other contributions: then the peer gossips.
    private mutating func askForMeans(basis: [UInt8], at time: MonotonicTime) -> Bool {
        for index in neighbours.indices {
            guard let mean = neighbours[index].mean, !mean.isAsked, mean.askAt <= time else { continue }
            guard isMean(of: index, basedOn: basis) else { return giveUpMeans(of: index, at: time) }
            neighbours[index].mean?.isAsked = true
            wire.request(mean.signed.id, from: neighbours[index].id, at: time)
        }
        return true
    }

    /// Whether a neighbour's mean is of the contributions that `basis` names.
    private func isMean(of index: Int, basedOn basis: [UInt8]) -> Bool {
        (neighbours[index].mean?.signed.manifest.status).flatMap(SliceMean.basis) == basis
    }

    /// A neighbour averages other contributions than this peer: it gossips.
    ///
    /// - Returns: false.
    private mutating func giveUpMeans(of index: Int, at time: MonotonicTime) -> Bool {
        gossip("\(neighbours[index].id.short) averages other contributions", at: time)
        return false
    }

    /// Whether a neighbour's slice of the average is here, or it has none.
    private func hasMean(_ index: Int, in reduction: Reduction) -> Bool {
        if neighbours[index].mean?.squares != nil { return true }
        return reduction.division.values(of: neighbours[index].id)?.isEmpty ?? false
    }

    /// Forgets the average, and the means that are in it.
    mutating func dropAverage() {
        average = []
        for index in neighbours.indices { dropMean(of: index) }
    }

    /// The average of all has a place for every slice.
    mutating func makeRoom(for reduction: Reduction) {
        let count = reduction.division.layout.count
        if average.count != count { average = [Float](repeating: 0, count: count) }
    }

    /// The Euclidean norm of the average of all; nil until all slices are here.
    private func averageNorm(in reduction: Reduction) -> Double? {
        guard var squares = self.reduction?.meanSquares, neighbours.count + 1 == reduction.division.ids.count else {
            return nil
        }
        for index in neighbours.indices {
            guard hasMean(index, in: reduction) else { return nil }
            squares += neighbours[index].mean?.squares ?? 0
        }
        return squares.squareRoot()
    }

    // MARK: - The end

    private mutating func finish(
        norm: Double, of offers: [SliceOffer], since: MonotonicTime, at time: MonotonicTime
    ) -> Bool {
        if let refusal = pipeline.refusal(ofAverage: norm) {
            gossip("the average is refused: \(refusal)", at: time)
            return false
        }
        reduction = nil
        let values = average
        dropAverage()
        waits.arrived(round: round, at: time)
        mix(average: values, of: offers, since: since, at: time)
        return true
    }

    /// Why the average will not come; nil while it may.
    private func obstacle(
        in reduction: Reduction, since: MonotonicTime, deadline: MonotonicTime, at time: MonotonicTime
    ) -> String? {
        for index in neighbours.indices where !hasMean(index, in: reduction) {
            let (neighbour, name) = (neighbours[index], neighbours[index].id.short)
            if !neighbour.isConnected || neighbour.isBarred { return "\(name) is away" }
            if neighbour.isFinal { return "\(name) has finished" }
            if neighbour.refusedThrough >= round { return "\(name)'s contribution is refused" }
            if time >= reduction.until { return "\(name) takes too long" }
            guard neighbour.mean == nil else { continue }
            if neighbour.declined == round { return "\(name) gossips" }
            if neighbour.latestRound > round { return "\(name) went on without a mean of its slice" }
            if !neighbour.hasAnswered(round), !isAwaited(index, since: since, deadline: deadline, at: time) {
                return "\(name) is not waited for"
            }
        }
        return nil
    }

    /// Gives the average up: what came in slices is fetched whole, and mixed as it comes. Nobody is waited for longer
    /// than a contribution may take.
    mutating func gossip(_ reason: String, at time: MonotonicTime) {
        guard let current = reduction else { return }
        report(.reductionGivenUp(round: round, reason: reason), at: time)
        reduction = nil
        dropAverage()
        gossipsThrough = max(gossipsThrough, time >= current.until ? round + Self.roundsOfGossip : round)
        decline(at: time)
        for index in neighbours.indices { fetchWhole(round, of: index, at: time) }
        if case .gathering(let since, let deadline) = phase {
            phase = .gathering(since: since, deadline: max(deadline, self.deadline(from: time)))
        }
    }

    /// Tells everybody that no mean of this peer is to be waited for in this round.
    private mutating func decline(at time: MonotonicTime) {
        declined = round
        for neighbour in neighbours where neighbour.isConnected { tellDeclined(to: neighbour.id, at: time) }
    }

    /// Tells a neighbour whose session begins what there is of this peer's slice, in the round under way and before.
    mutating func tellMean(to peer: PeerID, at time: MonotonicTime) {
        guard pipeline.reduces else { return }
        if declined == round { tellDeclined(to: peer, at: time) }
        for mean in means { wire.announce(mean.object, to: peer, at: time) }
    }

    private mutating func tellDeclined(to peer: PeerID, at time: MonotonicTime) {
        wire.send(message: SliceRefusal.encoded(round: round), to: peer, at: time)
    }

    /// A neighbour gossips in a round.
    mutating func heard(declining bytes: [UInt8], from peer: PeerID, at time: MonotonicTime) {
        guard let index = index(of: peer), let round = SliceRefusal.round(of: bytes) else { return }
        neighbours[index].declined = round
        neighbours[index].showSign(at: time)
    }

    /// Ends serving means that everybody has, or goes without.
    private mutating func retireMeans() {
        var remaining: [(round: Int, object: ObjectID)] = []
        for mean in means {
            let isOfUse =
                mean.round + 2 >= round
                && neighbours.contains { $0.isConnected && !$0.isBarred && $0.latestRound <= mean.round }
            if isOfUse || mean.round == round { remaining.append(mean) } else { wire.retire(mean.object) }
        }
        means = remaining
    }
}
