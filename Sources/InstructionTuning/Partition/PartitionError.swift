/// Why records cannot be dealt out as asked.
package enum PartitionError: Error, Equatable, CustomStringConvertible {
    /// There is no peer to deal to.
    case noPeers
    /// Two peers have one name, and one would take the other's records.
    case duplicatePeer(String)
    /// A peer would hold no record.
    case emptyPeer(name: String, records: Int, peers: Int)
    /// There are fewer records than the minimum asks for.
    case minimumTooLarge(minimum: Int, peers: Int, records: Int)
    /// The minimum was not met in the allowed number of draws.
    case minimumNotReached(minimum: Int, draws: Int, best: Int, peer: String)
    /// A setting is outside what makes sense.
    case badSetting(String)

    package var description: String {
        switch self {
        case .noPeers: "there is no peer to deal records to"
        case .duplicatePeer(let name): "two peers are called \(name); names must differ"
        case .emptyPeer(let name, let records, let peers):
            "peer \(name) would hold no record (\(records) records, \(peers) peers): give more records, hold out fewer, or take fewer peers"
        case .minimumTooLarge(let minimum, let peers, let records):
            "\(peers) peers cannot hold \(minimum) records each of \(records): lower the minimum or take fewer peers"
        case .minimumNotReached(let minimum, let draws, let best, let peer):
            "after \(draws) draws a peer (\(peer)) still holds fewer than \(minimum) records, \(best) at best: raise alpha or lower the minimum"
        case .badSetting(let reason): reason
        }
    }
}
