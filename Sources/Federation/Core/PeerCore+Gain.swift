import Adapters
import Aggregation
import Basics
import Overlay
import Wire

/// Adapters that wait to be measured by the trainer, and whose they are: what a round began with, what the own local
/// steps made of it, what mixing made of all, and then what each giver contributed.
struct GainProbe: Sendable {
    let round: Int
    /// The givers' identities and their places in the topology file, in the order of their adapters.
    let givers: [(id: PeerID, place: Int)]
    let adapters: [AdapterDelta]
}

/// "Who gained from whom": in some rounds (`GainSettings`) a peer measures what came from its neighbours on records of
/// its own, tells what came of it, and passes on what others tell. It decides nothing: mixing is the same with and
/// without.
///
/// The trainer measures, right before its next local steps, so that no datagram waits for it and neighbours wait for it
/// no longer than for slower steps. A peer that is killed in between measures the next time.
extension PeerCore {
    /// So many rows are sent to a neighbour at once; others follow after a pause.
    private static let gainBatch = 16
    private static let gainPause = Duration.milliseconds(100)
    /// Room that rows leave in the queue of control frames for what the exchange needs.
    private static let gainReserve = 128
    /// The most categories that are told of, by number of records.
    private static let gainCategories = 32

    // MARK: - Measuring

    /// Keeps in mind what the round begins with, where it is measured.
    mutating func beginGains() {
        let isMeasured = configuration.gain?.measures(round, of: configuration.rounds) ?? false
        gainStart = isMeasured ? (round, delta) : nil
    }

    /// The adapters that neighbours' contributions to this round stand for; to be asked before they are mixed. Empty
    /// where the round is not measured.
    func giversAdapters(_ shares: [HeardShare]) -> [(id: PeerID, place: Int, adapter: AdapterDelta)] {
        guard let gain = configuration.gain, gainStart?.round == round else { return [] }
        let ofRound = shares.filter { $0.round == round }
        return gain.turn(ofRound.count, in: round).compactMap { turn in
            let share = ofRound[turn]
            guard let member = roster[share.origin],
                let adapter = pipeline.adapter(of: share, insteadOf: delta, in: mixingRound())
            else { return nil }
            return (share.origin, member.place, adapter)
        }
    }

    /// Leaves a measured round's adapters for the next local steps. `delta` is what mixing has made of `own`.
    mutating func probe(own: AdapterDelta, _ givers: [(id: PeerID, place: Int, adapter: AdapterDelta)]) {
        guard let start = gainStart, start.round == round, !givers.isEmpty else { return }
        gainStart = nil
        gainProbe = GainProbe(
            round: round, givers: givers.map { ($0.id, $0.place) },
            adapters: [start.delta, own, delta] + givers.map(\.adapter))
    }

    /// The trainer has measured what it was given, or could not.
    mutating func takeProbed(_ probed: ProbedLosses?, at time: MonotonicTime) {
        guard let probe = gainProbe else { return }
        gainProbe = nil
        guard let probed, probed.records > 0, probed.losses.count == probe.adapters.count else { return }
        let row = GainRow(
            place: roster.place, round: probe.round, records: probed.records, before: probed.losses[0],
            own: probed.losses[1], mixed: probed.losses[2],
            givers: zip(probe.givers, probed.losses.dropFirst(3)).map { ($0.place, $1) })
        report(.gainMeasured(told(row, of: local.id)), at: time)
        // The greatest ones, in the order in which they came.
        let least = probed.categories.map(\.records).sorted(by: >).prefix(Self.gainCategories).last ?? 0
        for category in probed.categories.filter({ $0.records >= least }).prefix(Self.gainCategories)
        where category.losses.count == probe.adapters.count {
            report(
                .gainByCategory(
                    GainNews(
                        of: local.id, round: probe.round, records: category.records, before: category.losses[0],
                        own: category.losses[1], mixed: category.losses[2],
                        givers: zip(probe.givers, category.losses.dropFirst(3)).map { .init(peer: $0.id, amount: $1) }),
                    category: category.name), at: time)
        }
        gains.enter(SignedGainRow(row, signedWith: local.signingKey, swarm: swarm.identifier))
        owe(roster.place, besides: nil)
    }

    /// A row with names in the place of places.
    private func told(_ row: GainRow, of origin: PeerID) -> GainNews {
        let members = configuration.gain?.members ?? []
        return GainNews(
            of: origin, round: row.round, records: row.records, before: Double(row.before), own: Double(row.own),
            mixed: Double(row.mixed),
            givers: row.givers.compactMap { giver in
                guard members.indices.contains(giver.place) else { return nil }
                return .init(peer: members[giver.place], amount: Double(giver.loss))
            })
    }

    // MARK: - Gossip

    /// A neighbour passes on what some peer has gained.
    mutating func gainHeard(_ bytes: [UInt8], from peer: PeerID, at time: MonotonicTime) {
        guard let settings = configuration.gain, let index = index(of: peer), !neighbours[index].tellsFalseGains,
            neighbours[index].settingsDifference == nil
        else { return }
        guard let row = SignedGainRow(encoded: bytes) else { return }
        switch gains.take(
            row, from: roster.place, settings: settings, rounds: configuration.rounds, swarm: swarm.identifier)
        {
        case .old: break
        // Who passes on what nobody signed would do it again, and each time it costs a check.
        case .lie: neighbours[index].tellsFalseGains = true
        case nil:
            report(.gainHeard(told(row.row, of: settings.members[row.row.place])), at: time)
            owe(row.row.place, besides: index)
        }
    }

    /// A session stands: the neighbour gets all that is known.
    mutating func oweAllGains(to index: Int) { neighbours[index].owedGains = gains.places }

    /// All neighbours that are there get the newest row of the peer at `place`.
    private mutating func owe(_ place: Int, besides index: Int?) {
        for other in neighbours.indices
        where other != index && neighbours[other].isConnected && !neighbours[other].owedGains.contains(place) {
            neighbours[other].owedGains.append(place)
        }
    }

    /// When rows are to be sent next; nil where there are none.
    var gainDeadline: MonotonicTime? {
        guard configuration.gain != nil, neighbours.contains(where: { !$0.owedGains.isEmpty }) else { return nil }
        return gainTold.map { $0 + Self.gainPause } ?? .zero
    }

    /// Sends the neighbours rows that they were not sent yet, a few at a time.
    mutating func tellGains(at time: MonotonicTime) {
        guard let due = gainDeadline, due <= time else { return }
        gainTold = time
        for index in neighbours.indices where !neighbours[index].owedGains.isEmpty {
            var sent = 0
            for place in neighbours[index].owedGains.prefix(Self.gainBatch) {
                guard let row = gains.rows[place],
                    wire.send(message: row.encoded, to: neighbours[index].id, leaving: Self.gainReserve, at: time)
                else { break }
                sent += 1
                guard place == roster.place else { continue }
                report(
                    .gainSent(to: neighbours[index].id, round: row.row.round, byteCount: row.encoded.count), at: time)
            }
            neighbours[index].owedGains.removeFirst(sent)
        }
    }
}
