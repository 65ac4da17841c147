import Aggregation
import Wire

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
