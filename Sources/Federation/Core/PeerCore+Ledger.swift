import Adapters
import Aggregation
import Basics
import Wire

/// What the peer has published of late, so that it can be told what an acknowledgement belongs to. Longer than it is
/// served: what a neighbour was sent may be acknowledged, or given up, after that.
struct PublishedLedger: Sendable {
    /// A contribution that was published.
    struct Entry: Sendable {
        let round: Int
        let object: ObjectID
        let norm: Double
        let byteCount: Int
    }

    /// Contributions of so many rounds before the newest are remembered. Few are under way at a time, as old ones are no
    /// longer served.
    static let limit = 16

    private var entries: [Entry] = []

    /// Of how many rounds something is remembered.
    var roundCount: Int { Set(entries.map(\.round)).count }

    /// Remembers a contribution, and forgets what is too old.
    mutating func append(_ entry: Entry) {
        entries.removeAll { $0.round < entry.round - Self.limit }
        entries.append(entry)
    }

    /// The contribution with this name; nil for one that was never published or long ago.
    subscript(object: ObjectID) -> Entry? { entries.last { $0.object == object } }
}

extension PeerCore {
    /// A neighbour has acknowledged so much of the `total` bytes of a contribution: that has left this machine. The rest may
    /// have, too, where it was under way when the session ended.
    mutating func delivered(
        _ object: ObjectID, to peer: PeerID, byteCount: Int, of total: Int, at time: MonotonicTime
    ) {
        // Whether the peer may leave can depend on it.
        quietUntil = nil
        guard let entry = ledger[object] else { return }
        if finalObjects.contains(object), byteCount == entry.byteCount, let index = index(of: peer) {
            neighbours[index].hasFinalAdapter = true
        }
        // Who averages a slice asks for no more.
        if byteCount < total, byteCount != sliceBytes(of: entry, to: peer) {
            report(
                .contributionUnconfirmed(
                    to: peer, round: entry.round, byteCount: total - byteCount, object: object.description), at: time)
        }
        guard byteCount > 0 else { return }
        report(
            .contributionSent(
                to: peer, round: entry.round, byteCount: byteCount,
                tensors: pipeline.factors.schema(in: entry.round).tensors.count,
                norm: entry.norm, object: object.description), at: time)
    }

    /// Bytes that a neighbour fetches of a contribution of which it averages a slice; nil where it fetches all.
    private func sliceBytes(of entry: PublishedLedger.Entry, to peer: PeerID) -> Int? {
        for encoding in [SinglePrecision().number, BrainFloat().number] {
            guard let division = sliceDivision(in: entry.round, encoding: encoding),
                division.layout.count * division.layout.bytesOfValue == entry.byteCount,
                let rank = division.ids.firstIndex(of: peer)
            else { continue }
            return division.layout.leafBytes(of: rank)
        }
        return nil
    }

    /// Tells what the end of the sessions has brought to light; nothing else is taken of the protocol any more.
    mutating func closeLedger(at time: MonotonicTime) {
        while let event = wire.pollEvent() {
            guard case .delivered(let object, let peer, let byteCount, let total) = event else { continue }
            delivered(object, to: peer, byteCount: byteCount, of: total, at: time)
        }
    }
}
