import Aggregation
import Basics
import Wire

/// "I cannot read your last contribution: it is the difference to one that I do not have. Send it whole." A message of the
/// protocol (docs/protocol.md, "Differences").
///
/// Whoever asks gets the bytes that it would have got without differences, once a round: there is nothing to gain by lying.
enum WholeRequest {
    /// The first byte of such a message, and its only one.
    static let type: UInt8 = 3
}

extension PeerCore {
    /// Asks a neighbour for its contribution as a whole, once a round, if something of it cannot be read and nothing is on
    /// its way that it may need.
    mutating func askForWhole(_ index: Int, at time: MonotonicTime) {
        guard !neighbours[index].undecoded.isEmpty, neighbours[index].inFlight.isEmpty,
            neighbours[index].retries.isEmpty, neighbours[index].askedWhole != round
        else { return }
        neighbours[index].askedWhole = round
        wire.send(message: [WholeRequest.type], to: neighbours[index].id, at: time)
    }

    /// A neighbour cannot read the last contribution.
    mutating func wholeAsked(by peer: PeerID, at time: MonotonicTime) {
        guard let index = index(of: peer), neighbours[index].isConnected, neighbours[index].wasAskedWhole != round
        else { return }
        neighbours[index].wasAskedWhole = round
        pipeline.lost(peer)
        publishWhole(for: peer, at: time)
        offerLatest(to: peer, count: 1, at: time)
    }
}
