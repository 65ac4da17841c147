import Aggregation
import Basics
import Wire

/// A round whose exact average is made slice by slice (`exchange.mixing: all-reduce`).
///
/// Every peer publishes its contribution as in any other round. Of everybody's it fetches the leaves of its own
/// slice, averages them, and publishes the slice's mean. With the means of all slices it has the average of all.
/// Whoever cannot get them says so, fetches whole contributions and gossips, and everybody else does the same unless
/// it has the average already.
struct Reduction: Sendable {
    let round: Int
    /// How contributions are divided.
    let division: SliceDivision
    /// Until when slices are waited for.
    var until: MonotonicTime
    /// What all means must be means of; nil until all contributions are known.
    var basis: [UInt8]?
    /// `Σ x²` of the own slice's mean; nil until all have given theirs.
    var meanSquares: Double?
}

/// Who averages which slice of the contributions to a round.
struct SliceDivision: Sendable {
    let layout: SliceLayout
    /// All peers, this one among them, ascending by identity: each averages the slice of its rank.
    let ids: [PeerID]
    /// This peer's rank.
    let rank: Int

    /// The values that a peer averages; nil for one that takes no part.
    func values(of id: PeerID) -> Range<Int>? { ids.firstIndex(of: id).map { layout.values(of: $0) } }
}

/// A neighbour's contribution of which only the own slice is fetched.
struct SlicedContribution: Sendable {
    let signed: SignedManifest
    /// Whether the slice was asked for; if not, from when on it may be.
    var isAsked = false
    var askAt = MonotonicTime.zero
    /// The slice; nil until it is here.
    var values: [Float]?

    var round: Int { Int(clamping: signed.manifest.round) }
}

/// The mean of a neighbour's slice, which it offers for the round under way.
struct OfferedMean: Sendable {
    let signed: SignedManifest
    var isAsked = false
    var askAt = MonotonicTime.zero
    /// `Σ x²` of its values, which are in the average at their place; nil until they are.
    var squares: Double?
}

/// What a slice's mean is published as: a signed object of its own, whose manifest says of which contributions it is
/// the mean.
enum SliceMean {
    /// The encoding's number in manifests: values in single precision.
    static let encoding: UInt16 = 6
    /// The status' version.
    private static let version: UInt8 = 2
    private static let basisByteCount = 32

    /// The status of a mean of the contributions that `basis` names.
    static func status(basis: [UInt8]) -> [UInt8] { [version] + basis }

    /// The basis that a status holds; nil for anything else.
    static func basis(of status: [UInt8]) -> [UInt8]? {
        guard status.first == version, status.count == 1 + basisByteCount else { return nil }
        return Array(status.dropFirst())
    }
}

/// "I gossip in this round: wait for no mean of mine." A message of the protocol (docs/protocol.md, "All-reduce").
///
/// Whoever lies with it makes its neighbours send more bytes in a round, and nothing else.
enum SliceRefusal {
    /// The first byte of such a message.
    static let type: UInt8 = 5

    static func encoded(round: Int) -> [UInt8] {
        var bytes = [type]
        bytes.append(integer: UInt32(clamping: round))
        return bytes
    }

    /// The round of a message; nil for other bytes.
    static func round(of bytes: [UInt8]) -> Int? {
        var reader = ByteReader(bytes)
        guard reader.byte() == type, let round = reader.integer(UInt32.self), reader.isAtEnd else { return nil }
        return Int(round)
    }
}
