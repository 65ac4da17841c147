import Adapters
import Aggregation
import Basics
import Overlay
import Wire

/// Slices of contributions and means of slices, on their way in.
extension PeerCore {
    /// How the contributions to a round are divided; nil where they are fetched whole.
    func sliceDivision(in round: Int, encoding: UInt16) -> SliceDivision? {
        let ids = (roster.members.map(\.id) + [local.id]).sorted()
        guard pipeline.reduces, ids.count > 1, let rank = ids.firstIndex(of: local.id),
            let layout = pipeline.slices(
                in: round, encoding: encoding, peers: ids.count, leafByteCount: WireConfiguration.leafByteCount),
            layout.pays
        else { return nil }
        return SliceDivision(layout: layout, ids: ids, rank: rank)
    }

    /// Whether everybody is there, and nobody says that it gossips in `round`.
    func mayReduce(_ round: Int) -> Bool {
        guard round > gossipsThrough else { return false }
        return neighbours.allSatisfy { neighbour in
            neighbour.isConnected && !neighbour.isBarred && !neighbour.isFinal && neighbour.declined != round
                && neighbour.settingsDifference == nil && neighbour.refusedThrough < round
        }
    }

    /// A neighbour offers a contribution that may be of use: only the own slice of it is to be fetched, if the round
    /// may be reduced.
    ///
    /// - Returns: false where it is to be fetched whole.
    mutating func takeSliced(_ signed: SignedManifest, from index: Int, at time: MonotonicTime) -> Bool {
        let manifest = signed.manifest
        let offered = Int(clamping: manifest.round)
        guard offered == round || offered == round + 1, !manifest.flags.contains(.final), mayReduce(offered),
            sliceDivision(in: offered, encoding: manifest.encoding) != nil
        else { return false }
        if let place = neighbours[index].sliced.firstIndex(where: { $0.round == offered }) {
            // One that began anew offers another one for the same round.
            guard neighbours[index].sliced[place].signed.manifest.sequence < manifest.sequence else { return true }
            drop(sliced: place, of: index)
            reduction?.basis = nil
            reduction?.meanSquares = nil
        }
        neighbours[index].sliced.append(SlicedContribution(signed: signed))
        neighbours[index].sliced.sort { $0.round < $1.round }
        askForSlices(of: index, at: time)
        return true
    }

    /// Asks for what is known of a neighbour and not asked for. A settling round's slices are not before the own
    /// contribution is there: most often it is the same.
    mutating func askForSlices(of index: Int, at time: MonotonicTime) {
        for part in neighbours[index].sliced {
            let hasPublished = published.last?.round == part.round
            // One that was asked for before the own contribution was there may turn out to be the same. Everybody has to see
            // that: where all are equal nobody makes means.
            if hasPublished, takeEqual(part.signed, from: index, at: time) {
                if let place = neighbours[index].sliced.firstIndex(where: { $0.signed.id == part.signed.id }) {
                    drop(sliced: place, of: index)
                }
                continue
            }
            guard !part.isAsked, part.askAt <= time, part.round < configuration.rounds || hasPublished else { continue }
            guard let division = sliceDivision(in: part.round, encoding: part.signed.manifest.encoding),
                let place = neighbours[index].sliced.firstIndex(where: { $0.signed.id == part.signed.id })
            else { continue }
            neighbours[index].sliced[place].isAsked = true
            let leaves = division.layout.leaves(of: division.rank)
            if leaves.isEmpty {
                neighbours[index].sliced[place].values = []
            } else {
                wire.request(part.signed.id, leaves: leaves, from: neighbours[index].id, at: time)
            }
        }
    }

    /// Leaves of an object arrived: those of a contribution that hold the own slice.
    mutating func receivedLeaves(
        _ leaves: Range<Int>, of signed: SignedManifest, _ bytes: [UInt8], from peer: PeerID, at time: MonotonicTime
    ) {
        guard let index = index(of: peer),
            let place = neighbours[index].sliced.firstIndex(where: { $0.signed.id == signed.id && $0.values == nil })
        else { return }
        let part = neighbours[index].sliced[place]
        guard let division = sliceDivision(in: part.round, encoding: signed.manifest.encoding),
            division.layout.leaves(of: division.rank) == leaves
        else {
            // Who takes part has changed meanwhile.
            return fetchWhole(part.round, of: index, at: time)
        }
        do {
            let values = try pipeline.open(
                slice: division.rank, of: division.layout, encoding: signed.manifest.encoding, in: bytes)
            neighbours[index].showSign(at: time)
            neighbours[index].sliced[place].values = values
        } catch {
            drop(sliced: place, of: index)
            refuse(signed, from: index, reason: error.description, at: time)
        }
    }

    /// A neighbour offers the mean of its slice.
    mutating func meanAnnounced(_ signed: SignedManifest, from index: Int, at time: MonotonicTime) {
        let manifest = signed.manifest
        guard let reduction, manifest.round == UInt64(reduction.round), manifest.schemaDigest == schemaDigest,
            manifest.baseModelDigest == configuration.baseModelDigest, SliceMean.basis(of: manifest.status) != nil,
            let count = reduction.division.values(of: neighbours[index].id)?.count, count > 0,
            manifest.payloadByteCount == ExchangePipeline.byteCount(ofMean: count),
            neighbours[index].mean.map({ $0.signed.manifest.sequence < manifest.sequence }) ?? true,
            neighbours[index].mayBeAsked(in: round)
        else { return }
        dropMean(of: index)
        neighbours[index].showSign(at: time)
        neighbours[index].mean = OfferedMean(signed: signed)
    }

    /// An object arrived that holds the mean of a neighbour's slice.
    mutating func meanReceived(_ signed: SignedManifest, payload: [UInt8], from index: Int, at time: MonotonicTime) {
        guard let reduction, neighbours[index].mean?.signed.id == signed.id,
            let range = reduction.division.values(of: neighbours[index].id)
        else { return }
        makeRoom(for: reduction)
        do {
            let squares = try pipeline.open(mean: payload, into: &average, at: range)
            neighbours[index].mean?.squares = squares
        } catch {
            report(
                .contributionRefused(
                    from: neighbours[index].id, round: round, byteCount: payload.count, reason: error.description),
                as: .refused, about: index, at: time)
            gossip("the mean that \(neighbours[index].id.short) made of its slice is refused", at: time)
        }
    }

    /// Something that only all-reduce asks for will not come.
    mutating func partFailed(
        _ object: ObjectID, of index: Int, reason: TransferFailure, at time: MonotonicTime
    ) {
        let again = time + Self.requestPause
        if neighbours[index].mean?.signed.id == object {
            // As many objects as allowed are on their way: of large swarms that may be so for a while.
            guard reason == .limitReached else {
                return gossip("the mean of \(neighbours[index].id.short)'s slice does not come", at: time)
            }
            neighbours[index].mean?.isAsked = false
            neighbours[index].mean?.askAt = again
        } else if let place = neighbours[index].sliced.firstIndex(where: { $0.signed.id == object }) {
            let part = neighbours[index].sliced[place]
            guard reason == .limitReached else {
                if reduction?.round == part.round {
                    gossip("a slice of \(neighbours[index].id.short)'s contribution does not come", at: time)
                }
                return fetchWhole(part.round, of: index, at: time)
            }
            neighbours[index].sliced[place].isAsked = false
            neighbours[index].sliced[place].askAt = again
        }
    }

    /// Fetches a neighbour's contribution to a round whole, of which only a slice was fetched before.
    mutating func fetchWhole(_ round: Int, of index: Int, at time: MonotonicTime) {
        guard let place = neighbours[index].sliced.firstIndex(where: { $0.round == round }) else { return }
        let signed = neighbours[index].sliced[place].signed
        drop(sliced: place, of: index)
        guard !neighbours[index].taken.contains(signed.manifest.sequence), neighbours[index].refusedThrough < round,
            neighbours[index].inFlight[signed.id] == nil,
            neighbours[index].inFlight.count + neighbours[index].retries.count < NeighbourState.inFlightLimit
        else { return }
        neighbours[index].inFlight[signed.id] = (round, 1)
        wire.request(signed.id, from: neighbours[index].id, at: time)
    }

    /// Forgets slices of rounds before the one under way.
    mutating func dropOldSlices(of index: Int) {
        while let place = neighbours[index].sliced.firstIndex(where: { $0.round < round }) {
            drop(sliced: place, of: index)
        }
        if let mean = neighbours[index].mean, mean.signed.manifest.round < UInt64(round) { dropMean(of: index) }
    }

    private mutating func drop(sliced place: Int, of index: Int) {
        let part = neighbours[index].sliced.remove(at: place)
        if part.isAsked, part.values == nil { wire.abandon(part.signed.id) }
    }

    mutating func dropMean(of index: Int) {
        if let mean = neighbours[index].mean, mean.isAsked, mean.squares == nil { wire.abandon(mean.signed.id) }
        neighbours[index].mean = nil
    }

    /// When something is to be asked for again; nil if nothing is.
    func partsDeadline(of index: Int) -> MonotonicTime? {
        var earliest: MonotonicTime?
        for part in neighbours[index].sliced where !part.isAsked && part.askAt > now {
            earliest = min(earliest ?? part.askAt, part.askAt)
        }
        if let mean = neighbours[index].mean, !mean.isAsked, mean.askAt > now {
            earliest = min(earliest ?? mean.askAt, mean.askAt)
        }
        return earliest
    }
}
