import Aggregation
import Wire

extension PeerCore {
    /// What has grown beyond its bound here; nil where nothing has. For checkers: whatever neighbours do, nothing may.
    package var brokenBound: String? {
        for neighbour in neighbours {
            // One before the own round, one of it, two after it; one more may arrive before they are pruned.
            if neighbour.contributions.count > 5 { return "\(neighbour.contributions.count) contributions of one peer" }
            let asked = neighbour.inFlight.count + neighbour.retries.count
            if asked > 2 * NeighbourState.inFlightLimit { return "\(asked) contributions on their way from one peer" }
        }
        if Set(published.map(\.round)).count > configuration.exchange.staleness + 4 {
            return "\(published.count) published contributions"
        }
        return wire.brokenBound
    }
}
